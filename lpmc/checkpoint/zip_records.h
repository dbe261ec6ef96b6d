#pragma once

// Signatures and fixed sizes of the zip format (PKWARE APPNOTE.TXT 6.3.10, section 4.3), shared by
// reader and writer.

#include <cstdint>

namespace lpmc::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034B50;
inline constexpr std::uint32_t kCentralSignature = 0x02014B50;
inline constexpr std::uint32_t kEndSignature = 0x06054B50;
inline constexpr std::uint32_t kZip64EndSignature = 0x06064B50;
inline constexpr std::uint32_t kZip64LocatorSignature = 0x07064B50;

inline constexpr std::uint64_t kLocalSize = 30;
inline constexpr std::uint64_t kCentralSize = 46;
inline constexpr std::uint64_t kEndSize = 22;
inline constexpr std::uint64_t kZip64EndSize = 56;
inline constexpr std::uint64_t kZip64LocatorSize = 20;

/// A 16- or 32-bit field with all bits set: the value stands in a zip64 field.
inline constexpr std::uint16_t kIn64Of16 = 0xFFFF;
inline constexpr std::uint32_t kIn64 = 0xFFFFFFFF;

inline constexpr std::uint16_t kZip64Extra = 0x0001;

inline constexpr std::uint16_t kFlagEncrypted = 1U << 0;
inline constexpr std::uint16_t kFlagDescriptor = 1U << 3;  ///< sizes follow the data
inline constexpr std::uint16_t kFlagPatch = 1U << 5;
inline constexpr std::uint16_t kFlagStrongEncryption = 1U << 6;
inline constexpr std::uint16_t kFlagMaskedHeaders = 1U << 13;

inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kDeflated = 8;

}  // namespace lpmc::zip

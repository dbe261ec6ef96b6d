#pragma once

#include <span>
#include <string_view>

namespace lpmc {

/// One file of the page (web/), as it lies in the program. All views are of static storage.
struct PageAsset {
  std::string_view path;          ///< as requested: "/index.html", "/assets/index-BVNSYcI.css"
  std::string_view content_type;  ///< with charset where it is text
  std::string_view bytes;
  bool immutable;         ///< the name carries a hash of the content: cache for ever
  std::string_view etag;  ///< strong, quoted: first 32 hex digits of the content's SHA-256
};

/// The page's files, sorted by path ("/" is "/index.html"). Empty when lpmc was built without npm.
/// Defined in a source that cmake/web.cmake generates.
std::span<const PageAsset> page_assets();

}  // namespace lpmc

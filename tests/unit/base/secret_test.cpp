#include "lpmc/base/secret.h"

#include <cstring>
#include <type_traits>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lpmc {
namespace {

template <class T>
concept Comparable = requires(T a, T b) {
  a == b;
};

TEST(Secret, CannotBeFormattedOrComparedByAccident) {
  static_assert(!fmt::is_formattable<Secret>::value);
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
  static_assert(!Comparable<Secret>);
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret("sk-1").reveal(), "sk-1");
}

TEST(Secret, CopiesAndMoves) {
  for (const std::string text : {"short", "a key that is far too long for the object itself"}) {
    Secret first(text);
    Secret copy = first;
    EXPECT_EQ(copy.reveal(), text);
    Secret moved = std::move(first);
    EXPECT_EQ(moved.reveal(), text);
    Secret assigned("other");
    assigned = copy;
    EXPECT_EQ(assigned.reveal(), text);
    assigned = Secret("third");
    EXPECT_EQ(assigned.reveal(), "third");
    const Secret& itself = moved;
    moved = itself;
    EXPECT_EQ(moved.reveal(), text);
  }
}

TEST(Secret, LeavesNothingBehindWhenItIsMoved) {
  // A short text lives inside the object, so the whole object can be looked at afterwards.
  Secret first("sk-abcdefgh");
  const Secret second = std::move(first);
  unsigned char bytes[sizeof first];
  std::memcpy(bytes, static_cast<const void*>(&first), sizeof first);
  const std::string_view seen(static_cast<const char*>(static_cast<const void*>(bytes)), sizeof bytes);
  EXPECT_EQ(seen.find("abcdefgh"), std::string_view::npos);
  EXPECT_EQ(second.reveal(), "sk-abcdefgh");
}

}  // namespace
}  // namespace lpmc

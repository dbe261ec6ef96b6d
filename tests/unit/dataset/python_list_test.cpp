#include "lpmc/dataset/python_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lpmc {
namespace {

using Items = std::vector<std::string>;

TEST(PythonList, ReadsWhatPythonPrints) {
  EXPECT_EQ(parse_python_list("['low quality', 'sad']"), (Items{"low quality", "sad"}));
  EXPECT_EQ(parse_python_list(R"(["children's song", 'punchy "4 on the floor" kick'])"),
            (Items{"children's song", "punchy \"4 on the floor\" kick"}));
  EXPECT_EQ(parse_python_list(R"(['it\'s "both"', 'a\\b', 'line\nend', '\t\x41\u00e9\U0001F3B5'])"),
            (Items{"it's \"both\"", "a\\b", "line\nend", "\tA\u00e9\U0001F3B5"}));
  EXPECT_EQ(parse_python_list(R"(['a, b', '[c]', "d']"])"), (Items{"a, b", "[c]", "d']"}));
  EXPECT_EQ(parse_python_list("[]"), Items{});
  EXPECT_EQ(parse_python_list(" [ 'a' , ] \n"), Items{"a"});
  EXPECT_EQ(parse_python_list("[u'a', 120, -1.5e3, None, nan, 'b']"), (Items{"a", "120", "-1.5e3", "b"}));
  EXPECT_EQ(parse_python_list(R"(['\q'])"), Items{"\\q"});
  EXPECT_EQ(parse_python_list("['']"), Items{""});
}

TEST(PythonList, ReadsJsonAndNumPy) {
  EXPECT_EQ(parse_python_list(R"(["a\/b", "\ud83c\udfb5", null])"), (Items{"a/b", "\U0001F3B5"}));
  EXPECT_EQ(parse_python_list("['rock' 'slow tempo'\n \"it's\"]"), (Items{"rock", "slow tempo", "it's"}));
}

TEST(PythonList, RefusesEverythingElse) {
  for (const char* text :
       {"", "rock, pop", "['a'", "['a", "'a']", "['a'] b", "[a]", "[,]", "['a',,'b']", "[['a']]",
        R"(['\x4'])", R"(['\ud83c'])", R"(['\udfb5'])", R"(['\U00110000'])", "['\xFF']", R"(['\)"}) {
    EXPECT_EQ(parse_python_list(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace lpmc

#include "lpmc/tag_to_caption/answer.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lpmc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StripWrappers, LeavesASentenceAlone) {
  for (const std::string text :
       {"A slow song: drums, bass and \"found\" sounds.", "Sure, it's slow, but it grooves.",
        "'90s rock with 'verb.", "\"A\" and \"B\"", "Here is where the bass drops: a heavy, dark song.",
        "Great drums! And a solo.", "It's a song that's sung by 'kids'", "A *very* loud song",
        "Okay-ish vocals: the song is sad."}) {
    EXPECT_EQ(strip_wrappers(text), text);
  }
}

TEST(StripWrappers, Reasoning) {
  EXPECT_EQ(strip_wrappers("<think>Hmm. Drums?</think>\n\nA loud song."), "A loud song.");
  EXPECT_EQ(strip_wrappers("<think>one</think>A <think>two</think>song."), "A song.");
  EXPECT_EQ(strip_wrappers("reasoning whose mark stood in the prompt</think>A song."), "A song.");
  EXPECT_EQ(strip_wrappers("A song.<think>and then it was cut"), "A song.");
  EXPECT_EQ(strip_wrappers("<think>cut off in the middle of"), "");
  EXPECT_EQ(strip_wrappers("<thinking>x</thinking> A song."), "A song.");
  EXPECT_EQ(strip_wrappers("[THINK]x[/THINK]A song."), "A song.");
  EXPECT_EQ(strip_wrappers("<|channel|>analysis<|message|>Let me see<|end|><|start|>assistant<|channel|>final"
                           "<|message|>A song.<|return|>"),
            "A song.");
}

TEST(StripWrappers, FencesLeadsLabelsQuotesMarks) {
  for (const std::string text : {"```\nA song.\n```",
                                 "```text\nA song.\n```\nHope this helps!",
                                 "Here you go:\n```\nA song.",
                                 "Sure, here is a song description: A song.",
                                 "Sure! Here's a sentence:\n\nA song.",
                                 "Certainly!\nA song.",
                                 "Here is the music you asked for:\nA song.",
                                 "**Song Description:** A song.",
                                 "Caption: \"A song.\"",
                                 "\"A song.\"",
                                 "'A song.'",
                                 "\xE2\x80\x9C"
                                 "A song.\xE2\x80\x9D",
                                 "**A song.**",
                                 "`A song.`",
                                 "# Song description\n\nA song.",
                                 "A song.<|im_end|>",
                                 "A song.</s>",
                                 "  \n A song. \t\n",
                                 "A song.\n\nLet me know if you need more.",
                                 "<answer>A song.</answer>",
                                 "Of course! Here is a song description sentence:\n\n\"A song.\""}) {
    EXPECT_EQ(strip_wrappers(text), "A song.") << text;
  }
  EXPECT_EQ(strip_wrappers("\"A \"loud\" song\""), "A \"loud\" song");
  EXPECT_EQ(strip_wrappers("'It's a song'"), "It's a song");
  EXPECT_EQ(strip_wrappers(""), "");
  EXPECT_EQ(strip_wrappers("\"\""), "\"\"");
  EXPECT_EQ(strip_wrappers("Caption:"), "Caption:");
}

TEST(PlainAnswer, OneLine) {
  EXPECT_EQ(parse_plain_answer("A slow\n  song.\tWith drums.\r\n")->caption, "A slow song. With drums.");
  EXPECT_EQ(parse_plain_answer(R"({"caption": "A song."})")->caption, "A song.");
  EXPECT_EQ(parse_plain_answer("```json\n{\"description\": \"A song.\"}\n```")->caption, "A song.");
  EXPECT_EQ(parse_plain_answer("caf\xC3\xA9 \xFF music")->caption, "caf\xC3\xA9 \xEF\xBF\xBD music");
  EXPECT_FALSE(parse_plain_answer(""));
  EXPECT_FALSE(parse_plain_answer(" \n"));
  EXPECT_FALSE(parse_plain_answer("<think>no end"));
}

struct DictionaryCase {
  const char* name;
  const char* text;
};

class DictionaryAnswer : public testing::TestWithParam<DictionaryCase> {};

TEST_P(DictionaryAnswer, IsRead) {
  const auto answer = parse_dictionary_answer(GetParam().text);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->caption, "It's a slow song, with drums.");
  EXPECT_THAT(answer->new_attributes, ElementsAre("sad", "90s"));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, DictionaryAnswer,
    testing::Values(
        DictionaryCase{
            "json", R"({"new_attribute": ["sad", "90s"], "description": "It's a slow song, with drums."})"},
        DictionaryCase{
            "python", R"({'new_attribute': ['sad', '90s'], 'description': "It's a slow song, with drums."})"},
        DictionaryCase{
            "escaped",
            R"({'new_attribute': ('sad', '90s',), 'description': 'It\'s a slow song, with drums.',})"},
        DictionaryCase{
            "bare_apostrophe",
            R"({'new_attribute': ['sad', '90s'], 'description': 'It's a slow song, with drums.'})"},
        DictionaryCase{
            "adjacent",
            "{'new_attribute': ['sad', '90s'],\n 'description': \"It's a slow \"\n   'song, with drums.'}"},
        DictionaryCase{"fenced",
                       "Sure!\n```python\n{\n  'new_attribute': ['sad', '90s'],  # two\n  'description': "
                       "\"It's a slow song, with drums.\"\n}\n```\nHope this helps."},
        DictionaryCase{
            "assigned",
            "song = {\"new_attribute\": [\"sad\", \"90s\"], \"description\": \"\"\"It's a slow\nsong, "
            "with drums.\"\"\"}\nprint(song)"},
        DictionaryCase{
            "prose",
            R"(The {tags} are used. {"new_attribute": ["sad", "90s"], "description": "It's a slow song, with drums."} Done {}.)"},
        DictionaryCase{"string_list",
                       R"({"new_attribute": "sad, 90s", "description": "It's a slow song, with drums."})"},
        DictionaryCase{
            "nested",
            R"({"answer": {"new_attributes": ["sad", "90s"], "description": "It's a slow song, with drums."}})"},
        DictionaryCase{
            "in_list",
            R"([{"New Attribute": ["sad", null, "90s", "sad"], "Description": "It's a slow song, with drums."}])"},
        DictionaryCase{"no_end",
                       R"({"new_attribute": ["sad", "90s"], "description": "It's a slow song, with drums.")"},
        DictionaryCase{
            "cut_attributes",
            R"({"description": "It's a slow song, with drums.", "new_attribute": ["sad", "90s", "lou)"},
        DictionaryCase{
            "reasoned",
            R"(<think>{"description": "wrong"}</think>{"new_attribute": ["sad", "90s"], "description": "It's a slow song, with drums."})"},
        DictionaryCase{
            "unicode",
            R"({"new_attribute": ["s\u0061d", "90s"], "description": "It\u0027s a slow song, with drums."})"},
        DictionaryCase{"typographic",
                       "{\xE2\x80\x9Cnew_attribute\xE2\x80\x9D: [\xE2\x80\x9Csad\xE2\x80\x9D, \"90s\"], "
                       "\xE2\x80\x9C"
                       "description\xE2\x80\x9D: \xE2\x80\x9CIt's a slow song, with drums.\xE2\x80\x9D}"},
        DictionaryCase{
            "none_first",
            R"({'title': None, 'tempo': 60, 'ok': True, 'new_attribute': ['sad', '90s'], 'description': "It's a slow song, with drums."})"},
        DictionaryCase{
            "damage_after",
            R"({"new_attribute": ["sad", "90s"], "description": "It's a slow song, with drums.", oops})"},
        DictionaryCase{"bare_keys",
                       R"({new_attribute: ["sad", "90s"], description: "It's a slow song, with drums."})"},
        DictionaryCase{"lines", "new_attribute: sad, 90s\ndescription: It's a slow song, with drums."},
        DictionaryCase{
            "lines_markdown",
            "- **New attributes:** sad, 90s\n- **Description:** \"It's a slow song, with drums.\""},
        DictionaryCase{"description_first",
                       "Description: It's a slow song, with drums.\nNew_attribute: ['sad', '90s']"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(DictionaryAnswer, InnerQuotes) {
  const auto answer =
      parse_dictionary_answer(R"({"new_attribute": ["sad"], "description": "A "lo-fi" song, "raw" too."})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->caption, "A \"lo-fi\" song, \"raw\" too.");
  EXPECT_EQ(parse_dictionary_answer(R"({'description': 'rock 'n' roll'})")->caption, "rock 'n' roll");
}

TEST(DictionaryAnswer, WithoutADescriptionThereIsNone) {
  for (const char* const text :
       {"", "{}", "A song.", R"({"new_attribute": ["sad"]})", R"({"description": ""})",
        R"({"description": null})", R"({"description": "cut in the mid)",
        R"({'description': 'cut in the singer's mid)", "{\"description\"", "<think>{\"description\": \"x\"}",
        "{{{{{{", "description", "I'm sorry, I can't."}) {
    EXPECT_FALSE(parse_dictionary_answer(text)) << text;
  }
}

TEST(DictionaryAnswer, MissingAttributesAreNoFailure) {
  const auto answer = parse_dictionary_answer(R"({"description": "A song.", "new_attribute": null})");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->new_attributes, IsEmpty());
}

TEST(DictionaryAnswer, ADescriptionThatIsADictionaryIsNone) {
  EXPECT_FALSE(parse_dictionary_answer(
      R"({"description": "{'new_attr':{new_attr:['desc', 'new_attr':new_attr}}", "new_attribute": []})"));
}

TEST(DictionaryAnswer, KeysAreNoAttributes) {
  const auto answer = parse_dictionary_answer(
      R"({"new_attribute": ["new_attribute", "soulful", "description"], "description": "A soulful song."})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->new_attributes, std::vector<std::string>{"soulful"});
}

TEST(DictionaryAnswer, EscapesBecomeCharacters) {
  const auto caption = [](std::string text) {
    const auto answer = parse_dictionary_answer("{\"description\": \"" + text + "\"}");
    return answer ? answer->caption : "nothing";
  };
  EXPECT_EQ(caption(R"(a\nb\tc)"), "a b c");
  EXPECT_EQ(caption(R"(\ud83c\udfb5 x)"), "\xF0\x9F\x8E\xB5 x");
  EXPECT_EQ(caption(R"(\ud83c x)"), "\xEF\xBF\xBD x");
  EXPECT_EQ(caption(R"(caf\xe9)"), "caf\xC3\xA9");
  EXPECT_EQ(caption(R"(\q \uZZZZ)"), R"(\q \uZZZZ)");
  EXPECT_EQ(caption(R"(a \"b\" c)"), "a \"b\" c");
}

TEST(DictionaryAnswer, HostileTextIsBounded) {
  const auto many = [](std::string_view piece, std::size_t bytes) {
    std::string out;
    while (out.size() < bytes)
      out += piece;
    return out;
  };
  for (const std::string_view piece :
       {"{", "[", "{'a':", "\"", "'", "</think>", "<think>", "```", "{\"a\":\"b\",", "\\", "' ,", "\xFF",
        "{\"description\": [", "description:", "<think></think>"}) {
    const std::string text = many(piece, 1U << 20);
    (void)parse_dictionary_answer(text);
    (void)parse_plain_answer(text);
  }
  EXPECT_TRUE(parse_dictionary_answer("{\"description\": \"A song.\", \"x\": " + many("[", 100'000)));
}

}  // namespace
}  // namespace lpmc

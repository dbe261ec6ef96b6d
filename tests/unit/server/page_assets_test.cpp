#include "lpmc/server/page_assets.h"

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

const PageAsset* find(std::string_view path) {
  for (const PageAsset& asset : page_assets())
    if (asset.path == path) return &asset;
  return nullptr;
}

class PageAssets : public ::testing::Test {
 protected:
  void SetUp() override {
    if (page_assets().empty()) GTEST_SKIP() << "built without npm: there is no page";
  }
};

TEST_F(PageAssets, AreSortedAndWhole) {
  std::set<std::string_view> etags;
  for (const PageAsset& asset : page_assets()) {
    EXPECT_TRUE(asset.path.starts_with('/')) << asset.path;
    EXPECT_FALSE(asset.bytes.empty()) << asset.path;
    EXPECT_NE(asset.content_type.find('/'), std::string_view::npos) << asset.path;
    EXPECT_EQ(asset.etag.size(), 34u) << asset.path;
    EXPECT_TRUE(asset.etag.starts_with('"') && asset.etag.ends_with('"')) << asset.etag;
    EXPECT_TRUE(etags.insert(asset.etag).second) << asset.path << " has the etag of another";
    EXPECT_EQ(asset.immutable, asset.path.starts_with("/assets/")) << asset.path;
  }
  const auto assets = page_assets();
  EXPECT_TRUE(std::is_sorted(assets.begin(), assets.end(),
                             [](const PageAsset& a, const PageAsset& b) { return a.path < b.path; }));
}

TEST_F(PageAssets, HoldAllThatThePageAsksFor) {
  const PageAsset* page = find("/index.html");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  const std::string html(page->bytes);
  const std::regex reference(R"re( (?:src|href)="\./([^"]+)")re");
  int found = 0;
  for (std::sregex_iterator at(html.begin(), html.end(), reference), end; at != end; ++at) {
    const std::string path = "/" + (*at)[1].str();
    if (path == "/openapi.json") continue;  // the server's own
    EXPECT_NE(find(path), nullptr) << path;
    ++found;
  }
  EXPECT_GE(found, 4);  // icon, theme, script, style
}

TEST_F(PageAssets, NeedNothingFromOutsideAndNothingInline) {
  const PageAsset* page = find("/index.html");
  ASSERT_NE(page, nullptr);
  const std::string html(page->bytes);
  EXPECT_FALSE(std::regex_search(html, std::regex(R"((src|href)="(https?:)?//)")));
  EXPECT_FALSE(std::regex_search(html, std::regex(R"(<script(?![^>]* src=))")));
  EXPECT_FALSE(std::regex_search(html, std::regex(R"(<style|\sstyle=|\son[a-z]+=)")));
  for (const PageAsset& asset : page_assets()) {
    if (!asset.content_type.starts_with("text/css")) continue;
    EXPECT_EQ(asset.bytes.find("url(http"), std::string_view::npos) << asset.path;
    EXPECT_EQ(asset.bytes.find("url(//"), std::string_view::npos) << asset.path;
  }
}

TEST_F(PageAssets, CarryTheLicencesOfWhatIsInside) {
  const PageAsset* licences = find("/licenses.txt");
  ASSERT_NE(licences, nullptr);
  for (const char* name : {"wavesurfer.js", "newsreader", "instrument-sans"})
    EXPECT_NE(licences->bytes.find(name), std::string_view::npos) << name;
}

}  // namespace
}  // namespace lpmc

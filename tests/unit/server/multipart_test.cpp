// multipart/form-data in pieces of any size, and what is none.

#include "lpmc/server/multipart.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/server/http_error.h"

namespace lpmc {
namespace {

struct Part {
  PartHead head;
  std::string data;
  bool ended = false;
};

class Collector : public PartSink {
 public:
  void begin_part(const PartHead& head) override { parts.push_back({head, "", false}); }
  void part_data(std::string_view data) override { parts.back().data += data; }
  void end_part() override { parts.back().ended = true; }

  std::vector<Part> parts;
};

std::vector<Part> parse(std::string_view body, std::size_t piece, std::string_view boundary = "XX") {
  Collector collector;
  MultipartParser parser(boundary, collector);
  for (std::size_t at = 0; at < body.size(); at += piece)
    parser.feed(body.substr(at, piece));
  parser.finish();
  return std::move(collector.parts);
}

int refusal_of(std::string_view body) {
  try {
    parse(body, 7);
  } catch (const HttpError& error) {
    return error.status();
  }
  return 0;
}

std::string field(const std::string& name, const std::string& value) {
  return "--XX\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
}

TEST(Multipart, ReadsTheSamePartsWhateverThePieces) {
  const std::string tricky = "a\r\n--X\r\n--XY\r\n-\r\r\n--";
  const std::string body = "preamble\r\n" + field("num_beams", "3") + field("empty", "") +
                           "--XX \r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\n"
                           "Content-Type: audio/wav\r\n\r\n" +
                           tricky + "\r\n--XX--\r\nepilogue";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const std::vector<Part> parts = parse(body, piece);
    ASSERT_EQ(parts.size(), 3U) << piece;
    EXPECT_EQ(parts[0].head.name, "num_beams");
    EXPECT_EQ(parts[0].data, "3");
    EXPECT_FALSE(parts[0].head.is_file);
    EXPECT_EQ(parts[1].data, "");
    EXPECT_TRUE(parts[1].ended);
    EXPECT_EQ(parts[2].head.file_name, "a b.wav");
    EXPECT_EQ(parts[2].head.content_type, "audio/wav");
    EXPECT_EQ(parts[2].data, tricky) << piece;
    EXPECT_TRUE(parts[2].ended);
  }
}

TEST(Multipart, TakesNamesAsCurlAndBrowsersWriteThem) {
  EXPECT_EQ(
      parse_part_head("Content-Disposition: form-data; name=\"a\"; filename=\"q\\\"u\\\\o.wav\"").file_name,
      "q\"u\\o.wav");
  EXPECT_EQ(parse_part_head("content-disposition:form-data; filename=\"x;y.wav\"; name=file").name, "file");
  EXPECT_EQ(
      parse_part_head("Content-Disposition: form-data; name=\"a\"; filename=\"C:\\music\\b.wav\"").file_name,
      "C:\\music\\b.wav");
  EXPECT_TRUE(parse_part_head("Content-Disposition: form-data; name=\"a\"; filename=\"\"").is_file);
}

TEST(Multipart, RefusesWhatIsNone) {
  EXPECT_EQ(refusal_of(""), 400);
  EXPECT_EQ(refusal_of(field("a", "1")), 400);                     // cut off
  EXPECT_EQ(refusal_of("--YY\r\n\r\n--YY--"), 400);                // another boundary
  EXPECT_EQ(refusal_of("--XX\r\n\r\nno headers\r\n--XX--"), 400);  // no name
  EXPECT_EQ(refusal_of("--XXjunk\r\n\r\nx\r\n--XX--"), 400);
  EXPECT_EQ(refusal_of("--XX\r\n" + std::string(10'000, 'h')), 400);
  EXPECT_EQ(refusal_of(std::string(100'000, 'p')), 400);  // not read to its end
  std::string many;
  for (std::size_t i = 0; i <= MultipartParser::kMaxParts; ++i)
    many += field("a", "1");
  EXPECT_EQ(refusal_of(many + "--XX--"), 400);
  EXPECT_EQ(refusal_of(field("a", "1") + "--XX--"), 0);
}

TEST(Multipart, FindsTheBoundary) {
  EXPECT_EQ(boundary_of("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("multipart/form-data; charset=utf-8; boundary=\"a b:c\""), "a b:c");
  EXPECT_EQ(media_type_of("Multipart/Form-Data; boundary=x"), "multipart/form-data");
  for (const char* bad : {"multipart/form-data", "multipart/form-data; boundary=",
                          "multipart/form-data; boundary=\"a\nb\"", "multipart/form-data; boundary=\"a \""}) {
    EXPECT_THROW(boundary_of(bad), HttpError) << bad;
  }
  EXPECT_THROW(boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')), HttpError);
}

}  // namespace
}  // namespace lpmc

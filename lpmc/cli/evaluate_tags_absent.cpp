// Stands in for evaluate_tags.cpp in a program built without tag_to_caption.

#include "lpmc/base/error.h"
#include "lpmc/cli/evaluate_parts.h"

namespace lpmc::cli {

void add_tag_scores(EvaluationParts& /*parts*/, const std::string& file) {
  fail(ErrorKind::unsupported,
       "--tags {}: this program was built without tag-to-caption, which compares "
       "captions with tags",
       file);
}

}  // namespace lpmc::cli

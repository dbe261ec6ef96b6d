#include "lpmc/captioning/captions.h"

namespace lpmc {

const std::string& Segment::text() const {
  static const std::string kNothing;
  return candidates.empty() ? kNothing : candidates.front().text;
}

}  // namespace lpmc

// `lpmc model pull`.

#include <fstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using ::testing::HasSubstr;

TEST(ModelPull, ListsWhatThereIs) {
  const ProgramResult result = lpmc({"model", "pull"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("smollm2-135m-instruct\t98 MB\tApache-2.0\t"));
}

TEST(ModelPull, ShowsTheLicenceAndRefusesAWrongCopy) {
  const TemporaryFolder folder;
  std::ofstream(folder / "SmolLM2-135M-Instruct.Q4_1.gguf") << "GGUF";
  const ProgramResult result = lpmc({"model", "pull", "smollm2-135m-instruct", "--from",
                                     folder.path().string(), "-o", (folder / "out").string()});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("licence: Apache-2.0"));
  EXPECT_THAT(result.err, HasSubstr("expected 98362432 bytes, found 4"));
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(lpmc({"model", "pull", "no-such-model"}).exit_code, 3);
}

}  // namespace
}  // namespace lpmc::test

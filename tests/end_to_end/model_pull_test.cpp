// `lpmc model pull`.

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/end_to_end/lpmc_program.h"
#include "tests/support/loopback_server.h"

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

TEST(ModelPull, EvaluateFindsTheRobertaThatWasPulled) {
  const std::filesystem::path model = std::filesystem::path(LPMC_SOURCE_DIR) / "tests/data/roberta_small";
  const LoopbackServer server([&](const LoopbackRequest& request) {
    LoopbackReply reply;
    const std::filesystem::path file = model / request.target.substr(request.target.rfind('/') + 1);
    if (!std::filesystem::exists(file)) {
      reply.status = 404;
      return reply;
    }
    reply.body = read_file(file);
    if (request.method == "HEAD") reply.cut_after = 0;
    return reply;
  });
  const TemporaryFolder folder;
  ProgramInput input;
  input.environment["XDG_DATA_HOME"] = folder.path().string();
  std::ofstream(folder / "a.json") << R"([{"prediction": "a slow piano", "ground_truth": "a slow ballad"}])";
  const std::vector<std::string> evaluate{"evaluate", (folder / "a.json").string()};
  EXPECT_THAT(lpmc(evaluate, input).out, HasSubstr("`lpmc model pull roberta-large` fetches"));
  const ProgramResult pulled =
      lpmc({"model", "pull", "roberta-large", "--from", server.origin() + "/m"}, input);
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_THAT(pulled.err, HasSubstr("licence: MIT"));
  EXPECT_THAT(pulled.out, HasSubstr("lpmc/models/roberta-large/model.safetensors\n"));
  EXPECT_THAT(lpmc(evaluate, input).out, HasSubstr("bertscore_recall"));
}

}  // namespace
}  // namespace lpmc::test

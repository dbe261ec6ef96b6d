// Certificates, against the openssl program as a server.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/http/http_client.h"

#include "tests/support/loopback_server.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

/// A certificate for 127.0.0.1 that signs itself, valid between two dates (YYYYMMDDHHMMSSZ).
bool make_certificate(const fs::path& folder, const std::string& from, const std::string& to) {
  std::ofstream(folder / "index.txt");
  std::ofstream(folder / "ca.cnf") << fmt::format(
      "[ca]\ndefault_ca=d\n[d]\ndatabase={0}/index.txt\nnew_certs_dir={0}\nserial={0}/serial\n"
      "default_md=sha256\npolicy=p\nx509_extensions=e\nunique_subject=no\n[p]\ncommonName=supplied\n"
      "[e]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=CA:TRUE\n[req]\ndistinguished_name=n\n[n]\n",
      folder.string());
  const std::string in = "cd '" + folder.string() + "' && ";
  return run(in +
             "openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out r.csr -subj /CN=127.0.0.1 "
             "-config ca.cnf") &&
         run(in + fmt::format(
                      "openssl ca -batch -config ca.cnf -selfsign -keyfile key.pem -in r.csr -out cert.pem "
                      "-rand_serial -notext -startdate {} -enddate {}",
                      from, to));
}

/// openssl s_server -www for as long as the object lives.
class TlsServer {
 public:
  explicit TlsServer(const fs::path& folder) {
    {
      const test::LoopbackServer free_port(
          [](const test::LoopbackRequest&) { return test::LoopbackReply{}; });
      port_ = free_port.port();
    }
    const std::string port = std::to_string(port_);
    const std::string key = folder / "key.pem", certificate = folder / "cert.pem";
    child_ = ::fork();
    if (child_ == 0) {
      // What it says of the handshake.
      const int said = ::open((folder / "said").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(said, STDOUT_FILENO);
      ::execlp("openssl", "openssl", "s_server", "-www", "-msg", "-alpn", "http/1.1", "-accept", port.c_str(),
               "-key", key.c_str(), "-cert", certificate.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
  }
  ~TlsServer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// Asks until the server is up.
  HttpResponse fetch(const std::string& ca_file) const {
    HttpClient client({.ca_file = ca_file});
    HttpResponse response;
    for (int i = 0; i < 200; ++i) {
      HttpRequest request;
      request.url = fmt::format("https://127.0.0.1:{}/", port_);
      request.timeout_s = 20;
      response = client.fetch(std::move(request));
      if (response.failure != HttpFailure::connect) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return response;
  }

 private:
  int port_ = 0;
  pid_t child_ = -1;
};

class Tls : public testing::Test {
 protected:
  void SetUp() override {
    if (!run("openssl version")) GTEST_SKIP() << "the openssl program is not installed";
    folder_ = fs::path(testing::TempDir()) /
              fmt::format("lpmc_tls_{}_{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  fs::path folder_;
};

TEST_F(Tls, AKnownCertificateIsTaken) {
  ASSERT_TRUE(make_certificate(folder_, "20200101000000Z", "20991231000000Z"));
  const TlsServer server(folder_);
  const HttpResponse response = server.fetch(folder_ / "cert.pem");
  EXPECT_TRUE(response.ok()) << response.failure_text;
}

TEST_F(Tls, AsksForHttp2) {
  ASSERT_TRUE(make_certificate(folder_, "20200101000000Z", "20991231000000Z"));
  const TlsServer server(folder_);
  const HttpResponse response = server.fetch(folder_ / "cert.pem");
  EXPECT_TRUE(response.ok())
      << response.failure_text;  // this server knows HTTP/1.1 alone: that is taken, too
  std::string said;
  for (int i = 0; i < 100 && said.find("ALPN") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::ifstream file(folder_ / "said");
    said.assign(std::istreambuf_iterator<char>(file), {});
  }
  EXPECT_THAT(said, testing::ContainsRegex("ALPN protocols advertised by the client: .*h2"));
}

TEST_F(Tls, AnUnknownCertificateIsRefusedForGood) {
  ASSERT_TRUE(make_certificate(folder_, "20200101000000Z", "20991231000000Z"));
  const TlsServer server(folder_);
  const HttpResponse response = server.fetch("");
  EXPECT_EQ(response.failure, HttpFailure::tls);
  EXPECT_EQ(classify(response), RetryClass::never);
  EXPECT_THAT(response.failure_text, AnyOf(HasSubstr("self-signed"), HasSubstr("self signed")));
}

TEST_F(Tls, AnExpiredCertificateIsRefusedForGood) {
  ASSERT_TRUE(make_certificate(folder_, "20200101000000Z", "20200102000000Z"));
  const TlsServer server(folder_);
  const HttpResponse response = server.fetch(folder_ / "cert.pem");
  EXPECT_EQ(response.failure, HttpFailure::tls);
  EXPECT_EQ(classify(response), RetryClass::never);
  EXPECT_THAT(response.failure_text, HasSubstr("expired"));
}

TEST(TlsClient, APlainServerSpeaksNoTls) {
  test::LoopbackServer server([](const test::LoopbackRequest&) { return test::LoopbackReply{}; });
  HttpClient client;
  HttpRequest request;
  request.url = fmt::format("https://127.0.0.1:{}/", server.port());
  request.timeout_s = 0.5;
  EXPECT_FALSE(client.fetch(std::move(request)).ok());
}

}  // namespace
}  // namespace lpmc

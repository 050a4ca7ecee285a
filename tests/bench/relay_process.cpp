#include "relay_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "wzp/base/hex.hpp"
#include "wzp/net/random.hpp"

namespace wzp::bench {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "wzp-bench: {}\n", why);
  std::exit(1);
}

std::string read_proc(pid_t pid, const char* name) {
  std::ifstream file{fmt::format("/proc/{}/{}", pid, name)};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Child::~Child() {
  if (pid_ > 0) (void)stop();
}

int Child::stop() {
  signal(SIGTERM);
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void Child::signal(int number) const { ::kill(pid_, number); }

Duration Child::cpu_time() const {
  // The first number of schedstat: nanoseconds on a processor, of every thread.
  Duration total{};
  for (const auto& task : std::filesystem::directory_iterator{fmt::format("/proc/{}/task", pid_)}) {
    std::ifstream file{task.path() / "schedstat"};
    std::int64_t nanoseconds = 0;
    if (file >> nanoseconds) total += Duration{nanoseconds};
  }
  return total;
}

std::size_t Child::resident_bytes() const {
  std::istringstream fields{read_proc(pid_, "statm")};
  std::size_t total = 0;
  std::size_t resident = 0;
  fields >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

RelayProcess::RelayProcess(const std::filesystem::path& binary, const Setup& setup) : workers_{setup.workers} {
  std::string name = (std::filesystem::temp_directory_path() / "wzp-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up("no temporary folder");
  folder_ = name;
  const auto seed = setup.seed == ByteArray<32>{} ? net::random_array<32>() : setup.seed;
  std::ofstream{folder_ / "id"} << to_hex(seed) << "\n";
  configure(setup.tables);

  int out[2];
  if (::pipe(out) != 0) give_up("no pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // never outlives the benchmark
    ::dup2(out[1], STDOUT_FILENO);
    ::close(out[0]);
    ::execl(binary.c_str(), binary.c_str(), "--config", (folder_ / "relay.toml").c_str(), nullptr);
    std::perror(binary.c_str());
    ::_exit(127);
  }
  ::close(out[1]);
  child_.emplace(pid);
  std::FILE* lines = ::fdopen(out[0], "r");
  char line[256];
  while (std::fgets(line, sizeof line, lines) != nullptr) {
    std::string_view text{line};
    text.remove_suffix(1);
    if (text.starts_with("listening=")) address_ = SocketAddress::parse(text.substr(10)).value_or(SocketAddress{});
    if (text.starts_with("tls_fingerprint=")) {
      fingerprint_ = RelayFingerprint::parse(text.substr(16)).value_or(RelayFingerprint{});
      break;
    }
  }
  std::fclose(lines);
  if (address_.port == 0) give_up(binary.string() + " did not start");
}

std::string federation_entry(const char* table, const RelayFingerprint& who, const std::string& url) {
  return fmt::format("[[{}]]\n{}fingerprint = \"{}\"\ndelegate = true\n", table, url.empty() ? "" : "url = \"" + url + "\"\n", to_string(who));
}

void RelayProcess::configure(const std::string& tables) const {
  std::ofstream{folder_ / "relay.toml"} << fmt::format(
      "listen_addr = \"127.0.0.1:0\"\nidentity = \"{}\"\nlog_level = \"error\"\nworkers = {}\n"
      "max_connections = 100000\nmax_connections_per_ip = 100000\nmax_calls_per_client = 1000\n"
      "offers_per_minute = 0\nsignals_per_second = 0\nretry_threshold = 100000\nmax_room_participants = 1000\nmax_packets_per_member = 0\n{}",
      (folder_ / "id").string(), workers_, tables);
}

void RelayProcess::reload(const std::string& tables) const {
  configure(tables);
  child_->signal(SIGHUP);
}

RelayProcess::~RelayProcess() {
  child_.reset();
  std::filesystem::remove_all(folder_);
}

}  // namespace wzp::bench

// Stands in for libFuzzer: runs the target on every file of the folders given, on every beginning of it, and with each
// byte damaged in three ways. Always the same inputs, so a failure is a failure for everybody.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

/// Longer seeds are damaged at this many places, evenly spread, to keep the test short.
constexpr std::size_t kPlaces = 512;

std::size_t runs = 0;

// A copy of exact size, so that a sanitizer sees one byte too far.
void run(const std::vector<std::uint8_t>& input, std::size_t size) {
  const std::vector<std::uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ++runs;
}

void replay(std::vector<std::uint8_t> seed) {
  run(seed, seed.size());
  const std::size_t step = std::max<std::size_t>(1, seed.size() / kPlaces);
  for (std::size_t at = 0; at < seed.size(); at += step) {
    run(seed, at);
    for (const auto damage : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
      seed[at] = static_cast<std::uint8_t>(seed[at] ^ damage);
      run(seed, seed.size());
      seed[at] = static_cast<std::uint8_t>(seed[at] ^ damage);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
      std::ifstream file{entry.path(), std::ios::binary};
      replay({std::istreambuf_iterator<char>{file}, {}});
    }
  }
  std::printf("%zu inputs\n", runs);
  return runs > 0 ? 0 : 1;
}

#include "wzp/net/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace wzp::net {

void fill_random(std::span<std::uint8_t> out) noexcept {
  while (!out.empty()) {
    const auto n = ::getrandom(out.data(), out.size(), 0);
    if (n > 0) {
      out = out.subspan(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      std::perror("no random numbers from the operating system");
      std::abort();
    }
  }
}

}  // namespace wzp::net

#include "wzp/net/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace wzp::net {

Wakeup::Wakeup() : fd_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)} {
  if (fd_ < 0) {
    std::perror("eventfd");
    std::abort();
  }
}

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::signal() noexcept {
  const std::uint64_t one = 1;
  // It can fail only when the counter is full, and then the reader is awake already.
  [[maybe_unused]] const auto n = ::write(fd_, &one, sizeof one);
}

void Wakeup::clear() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto n = ::read(fd_, &count, sizeof count);
}

}  // namespace wzp::net

#include "wzp/net/loop.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <unordered_map>
#include <utility>

#include "wzp/net/clock.hpp"
#include "wzp/net/fd.hpp"
#include "wzp/net/mailbox.hpp"

namespace wzp::net {
namespace {

/// Source: our choice; enough for every descriptor of a worker, and small enough to stay responsive.
constexpr int kMaxEvents = 64;
constexpr std::size_t kMaxPosted = 4096;
constexpr std::size_t kPostedPerTurn = 256;
/// No wait is longer, so a clock that was set wrong cannot freeze a loop. Source: our choice.
constexpr Duration kMaxWait = std::chrono::seconds{60};

// Waits with the resolution of the clock, or of a millisecond (rounded up) on kernels or in containers without epoll_pwait2.
int wait_for_events(int fd, std::array<epoll_event, kMaxEvents>& events, Duration wait) {
  static std::atomic<bool> fine{true};
  const auto clamped = std::clamp(wait, Duration{0}, kMaxWait);
  if (fine.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clamped);
    const timespec timeout{seconds.count(), (clamped - seconds).count()};
    const int n = ::epoll_pwait2(fd, events.data(), kMaxEvents, &timeout, nullptr);
    if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
    fine.store(false, std::memory_order_relaxed);
  }
  const auto millis = std::chrono::ceil<std::chrono::milliseconds>(clamped);
  return ::epoll_wait(fd, events.data(), kMaxEvents, static_cast<int>(millis.count()));
}

}  // namespace

struct Loop::Impl {
  Fd epoll;
  Fd signals;
  Mailbox<std::function<void()>> posted{kMaxPosted};
  Wakeup wakeup;
  std::atomic<bool> stopped{false};
  Instant now = net::now();
  Id next_id = 1;
  // Ids, not pointers: what runs may remove what comes next.
  std::map<Id, Driver> drivers;
  struct Watch {
    Id id;
    std::function<void(Instant)> on_readable;
    std::function<void(Instant)> on_writable;  // empty: nobody waits
  };
  std::unordered_map<int, Watch> watches;
  std::array<epoll_event, kMaxEvents> events{};

  Result<void> watch(int fd, std::function<void(Instant)> on_readable) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
    watches[fd] = {next_id++, std::move(on_readable), {}};
    return {};
  }

  // A descriptor that is watched can always be changed.
  void look_at(int fd, std::uint32_t events_wanted) {
    epoll_event event{};
    event.events = events_wanted;
    event.data.fd = fd;
    ::epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event);
  }

  void dispatch(int count) {
    // A descriptor that was closed and opened again within this turn is another watch.
    const auto newest = next_id;
    for (int i = 0; i < count; ++i) {
      const auto event = events[static_cast<std::size_t>(i)];
      const int fd = event.data.fd;
      if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) {
        const auto it = watches.find(fd);
        if (it == watches.end() || it->second.id >= newest) continue;
        const auto run = it->second.on_readable;  // a copy: it may unwatch itself
        run(now);
      }
      if ((event.events & EPOLLOUT) != 0) dispatch_writable(fd, newest);
    }
  }

  void dispatch_writable(int fd, Id newest) {
    const auto it = watches.find(fd);
    if (it == watches.end() || it->second.id >= newest || !it->second.on_writable) return;
    look_at(fd, EPOLLIN);
    const auto run = std::exchange(it->second.on_writable, nullptr);
    run(now);
  }

  template <class F>
  void for_each_driver(F&& f) {
    for (auto it = drivers.begin(); it != drivers.end();) {
      const auto id = it->first;
      f(it->second);
      it = drivers.upper_bound(id);
    }
  }

  Duration time_to_deadline(Duration wait) {
    for (const auto& [id, driver] : drivers) {
      if (!driver.deadline) continue;
      if (const auto due = driver.deadline()) wait = std::min(wait, *due - now);
    }
    return wait;
  }

  void run_drivers() {
    for_each_driver([this](Driver& driver) {
      if (!driver.deadline || !driver.tick) return;
      const auto due = driver.deadline();
      if (!due || *due > now) return;
      const auto tick = driver.tick;
      tick(now);
    });
    for_each_driver([this](Driver& driver) {
      if (!driver.finish) return;
      const auto finish = driver.finish;
      finish(now);
    });
  }
};

Result<std::unique_ptr<Loop>> Loop::create() {
  auto impl = std::make_unique<Impl>();
  impl->epoll = Fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!impl->epoll) return system_error("epoll_create1");
  auto& self = *impl;
  const auto wake = self.watch(self.wakeup.fd(), [&self](Instant) { self.wakeup.clear(); });
  if (!wake) return wake.failure();
  const auto post = self.watch(self.posted.fd(), [&self](Instant) {
    self.posted.drain([](std::function<void()> function) { function(); }, kPostedPerTurn);
  });
  if (!post) return post.failure();
  return std::unique_ptr<Loop>{new Loop{std::move(impl)}};
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Loop::~Loop() = default;

Result<void> Loop::watch(int fd, std::function<void(Instant)> on_readable) {
  return impl_->watch(fd, std::move(on_readable));
}

void Loop::await_writable(int fd, std::function<void(Instant)> on_writable) {
  const auto it = impl_->watches.find(fd);
  if (it == impl_->watches.end()) return;
  if (!it->second.on_writable) impl_->look_at(fd, EPOLLIN | EPOLLOUT);
  it->second.on_writable = std::move(on_writable);
}

void Loop::unwatch(int fd) {
  if (impl_->watches.erase(fd)) ::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::Id Loop::add(Driver driver) {
  const auto id = impl_->next_id++;
  impl_->drivers.emplace(id, std::move(driver));
  return id;
}

void Loop::remove(Id id) { impl_->drivers.erase(id); }

Loop::Id Loop::after(Duration delay, std::function<void(Instant)> function) {
  const auto due = now() + delay;
  const auto id = impl_->next_id;
  return add({.deadline = [due] { return std::optional{due}; },
              .tick =
                  [this, id, run = std::move(function)](Instant at) {
                    remove(id);
                    run(at);
                  },
              .finish = {}});
}

Result<void> Loop::on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal) {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : signals) sigaddset(&set, s);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return system_error("pthread_sigmask");
  impl_->signals = Fd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
  const int fd = impl_->signals.get();
  if (fd < 0) return system_error("signalfd");
  return watch(fd, [fd, run = std::move(on_signal)](Instant) {
    signalfd_siginfo info{};
    while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) run(static_cast<int>(info.ssi_signo));
  });
}

bool Loop::post(std::function<void()> function) { return impl_->posted.push(std::move(function)); }

Instant Loop::now() const noexcept { return impl_->now; }

void Loop::run() {
  while (turn(kMaxWait)) {
  }
  impl_->stopped = false;
}

bool Loop::turn(Duration wait) {
  auto& self = *impl_;
  if (self.stopped) return false;
  self.now = net::now();
  const int n = wait_for_events(self.epoll.get(), self.events, self.time_to_deadline(wait));
  self.now = net::now();
  self.dispatch(std::max(n, 0));
  self.run_drivers();
  return !self.stopped;
}

void Loop::stop() noexcept {
  impl_->stopped = true;
  wake();
}

void Loop::wake() noexcept { impl_->wakeup.signal(); }

}  // namespace wzp::net

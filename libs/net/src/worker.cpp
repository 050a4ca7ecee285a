#include "wzp/net/worker.hpp"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "wzp/net/fd.hpp"

namespace wzp::net {

struct Worker::Impl {
  std::unique_ptr<Loop> loop;
  std::thread thread;
};

Result<std::unique_ptr<Worker>> Worker::start(const std::string& name, std::function<void(Loop&)> body) {
  auto loop = Loop::create();
  if (!loop) return loop.failure();
  auto impl = std::make_unique<Impl>();
  impl->loop = std::move(*loop);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // The thread inherits the mask, so no signal can reach it before it has blocked them itself.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::string failure;
  try {
    impl->thread = std::thread{[&turns = *impl->loop, run = std::move(body), title = name.substr(0, 15)] {
      ::pthread_setname_np(::pthread_self(), title.c_str());
      run(turns);
    }};
  } catch (const std::system_error& e) {
    failure = e.what();
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!failure.empty()) return Unexpected{Errc::Io, "thread " + name + ": " + failure};
  return std::unique_ptr<Worker>{new Worker{std::move(impl)}};
}

Worker::Worker(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Worker::~Worker() { stop(); }

Loop& Worker::loop() noexcept { return *impl_->loop; }

void Worker::stop() {
  impl_->loop->stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace wzp::net

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "wzp/base/result.hpp"
#include "wzp/net/loop.hpp"

namespace wzp::net {

/// A named thread with a Loop of its own.
class Worker {
 public:
  /// Starts a thread that calls `body(loop)`. The body builds what lives on this thread, calls `loop.run()`, and takes it
  /// down again. `name` is cut to 15 bytes (a limit of the kernel). Signals are blocked in the new thread.
  /// Errors: Io.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> start(const std::string& name, std::function<void(Loop&)> body);

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  /// Stops the loop and waits for the thread.
  ~Worker();

  /// For `post` and `stop`.
  [[nodiscard]] Loop& loop() noexcept;
  /// Stops the loop and waits for the thread. Harmless when done before.
  void stop();

 private:
  struct Impl;
  explicit Worker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wzp::net

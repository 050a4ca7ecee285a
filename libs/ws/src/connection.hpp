#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "frame_budget.hpp"
#include "framing.hpp"
#include "http_front.hpp"
#include "outbox.hpp"
#include "wzp/base/deadlines.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/result.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/ws/handler.hpp"
#include "wzp/ws/server.hpp"

namespace wzp::ws {

/// What the connections of a server share with it.
struct Shared {
  ServerConfig config;
  net::Loop& loop;
  Handler& handler;
  ServerStats stats{};
  Deadlines<ConnectionId> deadlines{};  ///< when a connection wants its `tick`
  std::vector<ConnectionId> dirty{};    ///< have something to write; each once
  std::vector<ConnectionId> ended{};    ///< to be reported and destroyed; each once
};

/// One WebSocket: a socket, the framing on it, and what waits to be written.
///
/// Open -> Draining (a close waits for texts) -> Closing (a close frame is on its way) -> Ended. What the peer says is
/// for the handler while it is Open. Closing ends when both close frames are through, with the TCP connection, or after
/// the linger time.
class Connection final : public FramingSink {
 public:
  Connection(ConnectionId id, Upgraded socket, Shared& shared);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  /// To be called once, when the handler knows the connection.
  void start();
  [[nodiscard]] Result<std::uint64_t> send_text(std::string_view text);
  [[nodiscard]] Result<void> send_binary(ByteView prefix, ByteView payload);
  void close(std::uint16_t code, std::string_view reason, bool when_sent);
  /// Writes what the socket takes.
  void flush(Instant now);
  void tick(Instant now);
  [[nodiscard]] const CloseInfo& info() const noexcept { return info_; }

  void on_frame() override;
  void on_message(bool is_text, ByteView message) override;
  void on_pong() override { unanswered_ = 0; }

 private:
  enum class State : std::uint8_t { Open, Draining, Closing, Ended };

  void on_readable(Instant now);
  void receive(ByteView bytes);
  void mark_dirty();
  void fill(Instant now);
  /// False when the socket takes no more for now, or is broken.
  bool write_some();
  void say_sent();
  void look_at_close();
  void begin_close();
  void end();
  void lose(std::string_view why);

  ConnectionId id_;
  Upgraded socket_;
  Shared& shared_;
  Framing framing_;
  FrameBudget budget_;
  Outbox outbox_;
  State state_ = State::Open;
  CloseInfo info_{};
  Bytes output_{};                         ///< framed, not taken by the system yet
  std::uint64_t written_ = 0;              ///< bytes that the system has taken
  std::deque<std::uint64_t> text_ends_{};  ///< at how many bytes written each text is sent
  std::uint64_t next_text_ = 0;
  std::uint64_t next_sent_ = 0;
  unsigned unanswered_ = 0;  ///< pings
  bool over_rate_ = false;   ///< the newest frame
  bool is_dirty_ = false;
  bool is_shut_ = false;  ///< for writing
};

}  // namespace wzp::ws

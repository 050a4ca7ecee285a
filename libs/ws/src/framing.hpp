#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wzp/base/bytes.hpp"

struct wslay_event_context;
struct wslay_event_on_msg_recv_arg;

namespace wzp::ws {

/// What `Framing` finds in the bytes of a peer.
class FramingSink {
 public:
  virtual ~FramingSink() = default;
  /// A frame of any kind begins.
  virtual void on_frame() = 0;
  /// A whole message; a text is valid UTF-8.
  virtual void on_message(bool is_text, ByteView message) = 0;
  virtual void on_pong() = 0;
};

/// The framing of RFC 6455 on one connection, a server's side: bytes in and messages out, messages in and bytes out. No
/// I/O. Answers pings and the peer's close. After a close of either side or a violation it takes nothing more, and once
/// its own close frame is written it says nothing more.
class Framing {
 public:
  struct Close {
    std::uint16_t code;
    std::string reason;
  };

  /// `max_message`: a longer one is answered with close code 1009.
  Framing(std::size_t max_message, FramingSink& sink);
  Framing(const Framing&) = delete;
  Framing& operator=(const Framing&) = delete;
  ~Framing();

  void receive(ByteView bytes);
  void text(ByteView message);
  void binary(ByteView message);
  void ping();
  void close(std::uint16_t code, std::string_view reason);
  /// Appends what there is to say.
  void take(Bytes& out);

  /// The close frame of the peer, if it came before one of ours.
  [[nodiscard]] const std::optional<Close>& peer_close() const noexcept { return peer_close_; }
  /// The peer's close frame has come, first or as the answer to ours.
  [[nodiscard]] bool has_peer_closed() const;
  /// Whether more of the peer is taken.
  [[nodiscard]] bool is_reading() const;
  /// Our close frame is among the bytes taken; its code (0: it had none).
  [[nodiscard]] std::optional<std::uint16_t> sent_close() const;

 private:
  struct Callbacks;
  struct Free {
    void operator()(wslay_event_context* context) const noexcept;
  };

  void on_message(const wslay_event_on_msg_recv_arg& message);
  void queue(std::uint8_t opcode, ByteView message);

  FramingSink& sink_;
  std::unique_ptr<wslay_event_context, Free> wslay_;
  ByteView input_{};         ///< during `receive`
  Bytes* output_ = nullptr;  ///< during `take`
  bool closing_ = false;     ///< our close frame is queued
  std::optional<Close> peer_close_{};
};

}  // namespace wzp::ws

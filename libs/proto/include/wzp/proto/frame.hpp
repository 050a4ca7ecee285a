#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/error.hpp"
#include "wzp/base/time.hpp"

namespace wzp::proto {

/// What goes on one signal stream: the length as 4 bytes, big-endian, and the JSON. Write it at once, with FIN, on a
/// fresh bidirectional stream (wire.md 1.6); a STOP_SENDING that comes back is normal. `json` has 1 to
/// `kMaxSignalBytes` bytes.
[[nodiscard]] Bytes encode_frame(std::string_view json);

/// The number of a QUIC stream.
struct StreamId {
  std::uint64_t value = 0;

  auto operator<=>(const StreamId&) const = default;
};

/// A whole message, in the order in which the peer opened its streams. Not yet decoded.
struct InboxMessage {
  StreamId stream;
  std::string json;

  bool operator==(const InboxMessage&) const = default;
};

/// The connection must send STOP_SENDING (code 0) on this stream and forget it; what still arrives there is dropped.
/// Ordinary after a message whose FIN has not come yet, so it alone says nothing about the peer.
struct StopStream {
  StreamId stream;

  bool operator==(const StopStream&) const = default;
};

/// This stream brought no message; the connection and the other streams go on. Told as soon as it is known, not in
/// stream order. Codes: BadFrame (length 0 or over the limit, ended or reset early), Timeout (not whole in time),
/// LimitReached (the buffer or the number of open streams).
struct BadStream {
  StreamId stream;
  Error error;

  bool operator==(const BadStream&) const = default;
};

using InboxEvent = std::variant<InboxMessage, StopStream, BadStream>;
using InboxEvents = std::vector<InboxEvent>;

/// The receiving end of the signals of one connection: bytes of the peer's bidirectional streams in, messages out.
///
/// Every stream brings one message. Messages come out in stream order even when a later stream is complete first, so
/// that an unfinished stream holds back those behind it, but for `stream_timeout` at most; then that stream alone is
/// stopped and skipped. A stream counts as opened when the transport says so, when its first byte arrives, or when a
/// stream with a higher number is opened, whichever is first. What follows the first message of a stream is dropped.
///
/// Bounds: the stream whose turn it is may always buffer one whole message; all streams behind it together
/// `kBufferBehind`, and the one that crosses this is stopped and skipped. More than `max_streams` between the first
/// unfinished stream and the newest: the oldest are stopped and skipped. A length prefix reserves no memory.
class SignalInbox {
 public:
  struct Config {
    /// Longest message. Source: relay.md 5.5; 64 KiB from clients, `kMaxSignalBytes` from relays.
    std::size_t max_message = 65'536;
    /// The peer's first stream: 0 when the peer is the QUIC client, 1 when it is the server (RFC 9000 2.1).
    StreamId first_stream{0};
    /// From the opening of a stream to its last byte. Source: design.md 3.2.
    Duration stream_timeout = std::chrono::seconds{5};
    /// Open streams at a time; the transport grants as many. Source: wire.md 1.5.
    std::size_t max_streams = 100;
  };
  /// Bytes that may wait for an earlier stream. Source: the connection window of the deployed programs, wire.md 1.5.
  static constexpr std::size_t kBufferBehind = 262'144;

  explicit SignalInbox(const Config& config);

  /// The transport saw the stream open, perhaps without a byte. Streams of another kind (own, or unidirectional) are
  /// ignored by this and the next two.
  [[nodiscard]] InboxEvents opened(StreamId stream, Instant now);
  /// The next bytes of the stream, in order and without gap. `fin`: there are no more.
  [[nodiscard]] InboxEvents receive(StreamId stream, ByteView data, bool fin, Instant now);
  /// The peer has reset the stream.
  [[nodiscard]] InboxEvents reset(StreamId stream, Instant now);
  /// Gives up what is due at `now`; harmless when nothing is.
  [[nodiscard]] InboxEvents tick(Instant now);
  /// When `tick` is next due; empty while no stream is unfinished.
  [[nodiscard]] std::optional<Instant> deadline() const;

  /// Bytes held at the moment.
  [[nodiscard]] std::size_t buffered() const noexcept { return buffered_; }

 private:
  enum class State : std::uint8_t { Collecting, Whole, Dead };
  struct Slot {
    State state = State::Collecting;
    Instant opened;
    std::string bytes;  ///< prefix and body while collecting, the body when whole
  };

  Slot* open(StreamId stream, Instant now, InboxEvents& out);
  void drop_oldest(std::uint64_t count, InboxEvents& out);
  void collect(Slot& slot, StreamId stream, ByteView data, bool fin, InboxEvents& out);
  void fail(Slot& slot, StreamId stream, Error error, bool stop, InboxEvents& out);
  void deliver(InboxEvents& out);
  [[nodiscard]] StreamId stream_at(std::size_t index) const noexcept;

  Config config_;
  std::uint64_t next_ = 0;  ///< index of `slots_.front()`: stream number / 4
  std::deque<Slot> slots_;
  std::size_t buffered_ = 0;
};

/// Decides when a peer has sent too many bad messages in a row. A good one starts again; an unknown message is neither
/// good nor bad, because a newer peer may send any number of them (design.md 3.23).
class BadMessageCounter {
 public:
  /// Source: design.md 3.23.
  static constexpr std::uint32_t kLimit = 100;

  void good() noexcept { count_ = 0; }
  /// What `decode` or the inbox said. True: close the connection, code 0x17 (crypto.md 12).
  [[nodiscard]] bool bad(Errc code) noexcept {
    if (code != Errc::UnknownSignal && count_ < kLimit) ++count_;
    return count_ >= kLimit;
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  std::uint32_t count_ = 0;
};

}  // namespace wzp::proto

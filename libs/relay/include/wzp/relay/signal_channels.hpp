#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/base/ids.hpp"
#include "wzp/base/time.hpp"
#include "wzp/proto/frame.hpp"
#include "wzp/relay/events.hpp"

namespace wzp::relay {

/// For the core. A connection whose words it cannot take is to be closed.
struct ToCore {
  ConnectionId conn{};
  Event event{};
};
/// Write this on a stream of its own, then say so with `wrote`; close the connection when its queue is full.
struct WriteFrame {
  ConnectionId conn{};
  Bytes frame{};
  bool is_news = false;  ///< of what only the newest word counts: see `SignalChannels`
};
/// The peer is to send no more of this stream.
struct StopStream {
  ConnectionId conn{};
  proto::StreamId stream{};
};
/// Close this connection at once.
struct GiveUp {
  ConnectionId conn{};
  std::uint64_t code = 0;
  std::string_view reason{};
};
using ChannelAction = std::variant<ToCore, WriteFrame, StopStream, GiveUp>;
using ChannelActions = std::vector<ChannelAction>;

/// The signals of connections, between the streams of a transport and the core: bytes in and events out, messages in and
/// frames out; and whether anybody still reads. Every thread that has connections has one, for its own.
///
/// - A message of a client may have 64 KiB, one of a relay 1 MiB. Streams that stall or break lose their message alone.
/// - To a relay at most 64 messages and 192 KiB are under way; up to 16 MiB wait behind them, since a new link begins with
///   all that there is to know. More, and the link is given up. What clients may have waiting is up to the transport.
/// - What a relay says about others waits behind all else, up to another 16 MiB; beyond, it is left out and comes again
///   with its next refresh. Of calls that are passed on, what would wait behind 8 MiB is left out. So nobody cuts a link
///   between two others by having one of them pass on more than the link takes.
/// - Of the news for a member of a room, its lists and its directives, one is under way and the newest of each waits.
///   So little is kept for a member that reads no streams, and it is not given up for that (V-22, design.md 3.25); one
///   that is gone is found out by the transport.
/// - Anybody else who acknowledges nothing for 10 s while something is under way is given up.
/// - Who is checked on (`Check`) is alive with the next acknowledgement, or if none is due; silent after 800 ms without,
///   and alive after all when one comes later.
class SignalChannels {
 public:
  void open(const Opened& opened, Instant now);
  /// False when it was not open.
  bool close(ConnectionId conn) { return channels_.erase(conn) > 0; }
  [[nodiscard]] bool contains(ConnectionId conn) const { return channels_.contains(conn); }
  [[nodiscard]] bool empty() const noexcept { return channels_.empty(); }
  /// The most bytes that any connection has brought without finishing a message.
  [[nodiscard]] std::size_t largest_inbox() const;

  // What the transport reports. Of connections that are not open nothing is taken.
  [[nodiscard]] ChannelActions received(ConnectionId conn, proto::StreamId stream, ByteView bytes, bool fin,
                                        Instant now);
  [[nodiscard]] ChannelActions reset(ConnectionId conn, proto::StreamId stream, Instant now);
  /// A message of ours has arrived, or was refused.
  [[nodiscard]] ChannelActions acknowledged(ConnectionId conn, std::uint64_t stream, Instant now);

  // What the core wants.
  [[nodiscard]] ChannelActions send(ConnectionId conn, const proto::SignalMessage& message);
  void wrote(const WriteFrame& frame, std::uint64_t stream, Instant now);
  [[nodiscard]] ChannelActions check(ConnectionId conn, Instant now);

  [[nodiscard]] ChannelActions tick(Instant now);
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  struct Backlog {
    std::deque<Bytes> frames{};
    std::size_t bytes = 0;

    void push(Bytes frame);
    [[nodiscard]] Bytes pop();
  };
  struct Channel {
    proto::SignalInbox inbox;
    bool is_relay = false;
    bool is_member = false;                            ///< of a room
    std::map<std::uint64_t, std::size_t> under_way{};  ///< streams that are not acknowledged, and their bytes
    std::size_t bytes = 0;                             ///< of all of them
    Backlog own{};                                     ///< what we say, and calls
    Backlog of_others{};
    std::size_t unsent = 0;  ///< messages left out that were not told of
    std::optional<Instant> unsent_told{};
    Instant progress{};                   ///< when one last was, or when the first of them was written
    std::optional<Instant> answers_by{};  ///< is checked on
    bool is_silent = false;               ///< was, and has acknowledged nothing since
    std::optional<std::uint64_t> news{};  ///< the stream of the list or directive that is under way
    std::optional<Bytes> next_list{};     ///< the newest ones behind it
    std::optional<Bytes> next_directive{};
  };

  static void wait(ConnectionId conn, Channel& channel, const proto::SignalMessage& message, Bytes frame,
                   ChannelActions& out);
  static void write_backlog(ConnectionId conn, Channel& channel, ChannelActions& out);
  static void translate(ConnectionId conn, const proto::InboxEvents& events, ChannelActions& out);

  std::unordered_map<ConnectionId, Channel> channels_;
  std::deque<std::pair<Instant, ConnectionId>> checks_;  ///< when each ends; some are over already
  std::optional<Instant> next_sweep_;
};

}  // namespace wzp::relay

#include "wzp/relay/signal_channels.hpp"

#include <algorithm>
#include <utility>

#include "wzp/base/overloaded.hpp"
#include "wzp/proto/signal_json.hpp"

namespace wzp::relay {
namespace {

/// Source: relay.md 5.5, signal messages of clients.
constexpr std::size_t kMaxClientMessage = 64 * 1024;
/// Source: relay.md 6, 10 s without progress close that client.
constexpr Duration kMaxStall = std::chrono::seconds{10};
/// Source: `Check`.
constexpr Duration kSignOfLife = std::chrono::milliseconds{800};
/// How often streams and stalls are looked at. Source: our choice, a tenth of the shortest limit.
constexpr Duration kSweepInterval = std::chrono::milliseconds{500};
/// Application close codes. Source: crypto.md 12.
constexpr std::uint64_t kLimit = 0x16;

/// Under way to a relay, and waiting behind that. Source: our choice, what a transport takes (EndpointConfig); a snapshot
/// of everybody on 100 relays.
constexpr std::size_t kWindowMessages = 64;
constexpr std::size_t kWindowBytes = 192 * 1024;
constexpr std::size_t kMaxBacklogBytes = std::size_t{16} << 20;
/// Source: our choice.
constexpr Duration kUnsentInterval = std::chrono::seconds{10};

enum class Concern : std::uint8_t { Ours, PassedCall, PassedNews };

/// On whose behalf a message is sent over a link.
Concern concern_of(const proto::SignalMessage& message) {
  const auto news = [](std::uint8_t hops) { return hops > 1 ? Concern::PassedNews : Concern::Ours; };
  return std::visit(
      overloaded{[&](const proto::RelayState& m) { return news(m.hops); },
                 [&](const proto::RoomState& m) { return news(m.hops); },
                 [&](const proto::UserState& m) { return news(m.hops); },
                 [&](const proto::UserDigest& m) { return news(m.hops); },
                 [](const proto::RoutedSignal& m) { return m.path.size() > 1 ? Concern::PassedCall : Concern::Ours; },
                 [](const auto&) { return Concern::Ours; }},
      message.as_variant());
}

proto::SignalInbox::Config inbox_config(const Opened& opened) {
  using enum proto::ConnectionClass;
  const bool is_relay = opened.cls == Federation || opened.cls == Probe;
  return {.max_message = is_relay ? proto::kMaxSignalBytes : kMaxClientMessage,
          .first_stream = proto::StreamId{opened.inbound ? 0U : 1U}};
}

}  // namespace

void SignalChannels::open(const Opened& opened, Instant now) {
  channels_.emplace(opened.conn, Channel{.inbox = proto::SignalInbox{inbox_config(opened)},
                                         .is_relay = opened.cls == proto::ConnectionClass::Federation,
                                         .is_member = opened.cls == proto::ConnectionClass::Room,
                                         .progress = now});
  if (!next_sweep_) next_sweep_ = now + kSweepInterval;
}

std::size_t SignalChannels::largest_inbox() const {
  std::size_t most = 0;
  for (const auto& [conn, channel] : channels_) most = std::max(most, channel.inbox.buffered());
  return most;
}

void SignalChannels::translate(ConnectionId conn, const proto::InboxEvents& events, ChannelActions& out) {
  for (const auto& event : events) {
    std::visit(overloaded{
                   [&](const proto::InboxMessage& m) {
                     auto message = proto::decode(m.json);
                     if (message) {
                       out.push_back(ToCore{conn, Received{conn, std::move(*message)}});
                     } else {
                       out.push_back(ToCore{conn, BadMessage{conn, message.error()}});
                     }
                   },
                   [&](const proto::StopStream& s) {
                     out.push_back(StopStream{conn, s.stream});
                   },
                   [&](const proto::BadStream& b) {
                     out.push_back(ToCore{conn, BadMessage{conn, b.error}});
                   },
               },
               event);
  }
}

ChannelActions SignalChannels::received(ConnectionId conn, proto::StreamId stream, ByteView bytes, bool fin,
                                        Instant now) {
  ChannelActions out;
  const auto found = channels_.find(conn);
  if (found != channels_.end()) translate(conn, found->second.inbox.receive(stream, bytes, fin, now), out);
  return out;
}

ChannelActions SignalChannels::reset(ConnectionId conn, proto::StreamId stream, Instant now) {
  ChannelActions out;
  const auto found = channels_.find(conn);
  if (found != channels_.end()) translate(conn, found->second.inbox.reset(stream, now), out);
  return out;
}

ChannelActions SignalChannels::acknowledged(ConnectionId conn, std::uint64_t stream, Instant now) {
  ChannelActions out;
  const auto found = channels_.find(conn);
  if (found == channels_.end()) return out;
  auto& channel = found->second;
  if (const auto arrived = channel.under_way.extract(stream)) channel.bytes -= arrived.mapped();
  channel.progress = now;
  const bool was_silent = std::exchange(channel.is_silent, false);
  if (std::exchange(channel.answers_by, std::nullopt) || was_silent) out.push_back(ToCore{conn, Alive{conn}});
  write_backlog(conn, channel, out);
  if (channel.news != stream) return out;
  channel.news.reset();
  for (auto* waiting : {&channel.next_list, &channel.next_directive}) {
    if (!*waiting) continue;
    out.push_back(WriteFrame{conn, std::move(**waiting), true});
    waiting->reset();
    break;
  }
  return out;
}

ChannelActions SignalChannels::send(ConnectionId conn, const proto::SignalMessage& message) {
  ChannelActions out;
  const auto found = channels_.find(conn);
  if (found == channels_.end()) return out;
  auto& channel = found->second;
  auto frame = proto::encode_frame(proto::encode(message));
  const bool is_list = std::holds_alternative<proto::RoomUpdate>(message);
  const bool is_news = is_list || std::holds_alternative<proto::QualityDirective>(message);
  if (is_news && channel.news) {
    (is_list ? channel.next_list : channel.next_directive) = std::move(frame);
  } else if (!channel.is_relay) {
    out.push_back(WriteFrame{conn, std::move(frame), is_news});
  } else {
    wait(conn, channel, message, std::move(frame), out);
  }
  return out;
}

void SignalChannels::wait(ConnectionId conn, Channel& channel, const proto::SignalMessage& message, Bytes frame,
                          ChannelActions& out) {
  const auto concern = concern_of(message);
  auto& backlog = concern == Concern::PassedNews ? channel.of_others : channel.own;
  const auto most = concern == Concern::PassedCall ? kMaxBacklogBytes / 2 : kMaxBacklogBytes;
  if (backlog.bytes + frame.size() <= most) {
    backlog.push(std::move(frame));
    write_backlog(conn, channel, out);
  } else if (concern == Concern::Ours) {
    out.push_back(GiveUp{conn, kLimit, "limit"});
  } else {
    ++channel.unsent;
  }
}

void SignalChannels::Backlog::push(Bytes frame) {
  bytes += frame.size();
  frames.push_back(std::move(frame));
}

Bytes SignalChannels::Backlog::pop() {
  auto frame = std::move(frames.front());
  frames.pop_front();
  bytes -= frame.size();
  return frame;
}

void SignalChannels::write_backlog(ConnectionId conn, Channel& channel, ChannelActions& out) {
  auto messages = channel.under_way.size();
  auto bytes = channel.bytes;
  while (!channel.own.frames.empty() || !channel.of_others.frames.empty()) {
    auto& backlog = channel.own.frames.empty() ? channel.of_others : channel.own;
    const auto size = backlog.frames.front().size();
    const bool fits = messages < kWindowMessages && bytes + size <= kWindowBytes;
    if (messages > 0 && !fits) return;
    ++messages;
    bytes += size;
    out.push_back(WriteFrame{conn, backlog.pop(), false});
  }
}

void SignalChannels::wrote(const WriteFrame& frame, std::uint64_t stream, Instant now) {
  const auto found = channels_.find(frame.conn);
  if (found == channels_.end()) return;
  auto& channel = found->second;
  if (channel.under_way.empty()) channel.progress = now;
  channel.under_way.emplace(stream, frame.frame.size());
  channel.bytes += frame.frame.size();
  if (frame.is_news) channel.news = stream;
}

ChannelActions SignalChannels::check(ConnectionId conn, Instant now) {
  const auto found = channels_.find(conn);
  if (found == channels_.end()) return {};
  auto& channel = found->second;
  if (channel.under_way.empty()) return {ToCore{conn, Alive{conn}}};
  if (channel.is_silent) return {ToCore{conn, Silent{conn}}};  // and still is
  if (channel.answers_by) return {};
  channel.answers_by = now + kSignOfLife;
  checks_.emplace_back(now + kSignOfLife, conn);
  return {};
}

ChannelActions SignalChannels::tick(Instant now) {
  ChannelActions out;
  while (!checks_.empty() && checks_.front().first <= now) {
    const auto conn = checks_.front().second;
    checks_.pop_front();
    const auto found = channels_.find(conn);
    // It may have answered, and be checked on anew since.
    if (found == channels_.end() || !found->second.answers_by || *found->second.answers_by > now) continue;
    found->second.answers_by.reset();
    found->second.is_silent = true;
    out.push_back(ToCore{conn, Silent{conn}});
  }
  if (!next_sweep_ || *next_sweep_ > now) return out;
  next_sweep_.reset();
  if (!channels_.empty()) next_sweep_ = now + kSweepInterval;
  for (auto& [conn, channel] : channels_) {
    const bool stalls = !channel.under_way.empty() && now - channel.progress > kMaxStall;
    if (stalls && !channel.is_member) out.push_back(GiveUp{conn, kLimit, "limit"});
    if (channel.unsent > 0 && (!channel.unsent_told || now - *channel.unsent_told >= kUnsentInterval)) {
      channel.unsent_told = now;
      out.push_back(ToCore{conn, Unsent{conn, std::exchange(channel.unsent, 0)}});
    }
    if (const auto deadline = channel.inbox.deadline(); deadline && *deadline <= now) {
      translate(conn, channel.inbox.tick(now), out);
    }
  }
  return out;
}

std::optional<Instant> SignalChannels::deadline() const {
  return earliest(checks_.empty() ? std::nullopt : std::optional{checks_.front().first}, next_sweep_);
}

}  // namespace wzp::relay

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wzp/crypto/identity.hpp"
#include "wzp/relay/packet_switch.hpp"
#include "wzp/relay/relay_core.hpp"
#include "wzp/relay/trunk_batcher.hpp"

// Real relay cores on one simulated clock, joined by links in memory, and the far ends of other connections in the hands
// of the test. Nothing of a relay's behaviour is repeated here. Every signal goes through its JSON on the way.

namespace wzp::test {

using Tweak = std::function<void(relay::Config&)>;

/// The far end of one connection to a relay: a client, or a relay that the test plays itself.
struct FarEnd {
  std::size_t relay = 0;
  ConnectionId conn{};
  std::deque<proto::SignalMessage> inbox{};
  std::optional<relay::Close> closed{};  ///< what the relay closed it with
  std::optional<std::string> version{};  ///< what came on a `version` connection
  std::string server_name{};
  std::optional<std::string> seat{};  ///< the room whose datagrams it gets
  std::optional<proto::RoomTag> seat_tag{};
  std::deque<Bytes> media{};  ///< datagrams, as they came
  bool is_dead = false;       ///< whoever was there is gone without a word
};

struct OpenOptions {
  SocketAddress remote{IpAddress::v4(198, 51, 100, 1), 40000};
  std::optional<RelayFingerprint> certificate{};
  std::optional<std::size_t> dialled_peer{};  ///< the connection is one that the relay dialled
};

/// What the bench does with a `Dial`.
enum class OnDial { Connect, Fail, Ignore };

class RelayBench {
 public:
  [[nodiscard]] static crypto::Seed seed(std::uint8_t name);
  /// Of the relay with this name, whether it exists or not.
  [[nodiscard]] static RelayFingerprint fingerprint(std::uint8_t name);
  [[nodiscard]] static relay::PeerConfig peer(std::uint8_t name);
  [[nodiscard]] static relay::TrustedConfig trusted(std::uint8_t name);

  /// Starts a relay. `tweak` completes its configuration. Gives its index.
  std::size_t add_relay(std::uint8_t name, const Tweak& tweak = {});
  /// A crash: its connections end, and it starts again knowing nothing.
  void restart(std::size_t relay);

  [[nodiscard]] relay::RelayCore& core(std::size_t relay) { return *relays_[relay].core; }
  [[nodiscard]] const relay::Config& config(std::size_t relay) const { return relays_[relay].config; }
  [[nodiscard]] RelayFingerprint fp(std::size_t relay) const { return relays_[relay].config.fingerprint; }

  /// Opens a connection with this server name and hands its far end to the test.
  FarEnd& open(std::size_t relay, const std::string& server_name, const OpenOptions& options = {});
  void send(FarEnd& from, const proto::SignalMessage& message);
  void send_bad(FarEnd& from, Errc code);
  void send_media(FarEnd& from, const Bytes& datagram);
  /// The operator's lists change.
  void reload(std::size_t relay, const relay::Reload& lists);
  void move(FarEnd& end, SocketAddress remote);
  void lose(FarEnd& end, std::optional<std::uint64_t> code = std::nullopt);
  /// A dead client acknowledges something after all.
  void wake(FarEnd& end);

  /// Connections between two relays.
  [[nodiscard]] std::size_t connections_between(std::size_t a, std::size_t b) const;
  [[nodiscard]] const relay::PacketSwitch& packets(std::size_t relay) const { return *relays_[relay].packets; }
  /// Ends them all at once; dialling one another fails from then on, until `heal`.
  void cut(std::size_t a, std::size_t b);
  void heal(std::size_t a, std::size_t b);
  /// Ends the n-th connection between them, and nothing else.
  void kill(std::size_t a, std::size_t b, std::size_t n);
  /// A dial of the relay, to the peer with this number, succeeds. Happens by itself for those that it asks for.
  void dial(std::size_t relay, std::size_t peer);
  OnDial on_dial = OnDial::Connect;
  std::vector<std::pair<std::size_t, std::size_t>> dials;  ///< (relay, peer entry), in order
  /// One way, between relays.
  Duration link_delay{};
  /// Datagrams that crossed a link: (from relay, to relay) and how many.
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> media_between;
  /// Sees every datagram that a relay gets over a link.
  std::function<void(std::size_t relay, ByteView datagram)> on_link_media;
  /// What the packet path of this relay dropped.
  [[nodiscard]] const relay::MediaDrops& media_drops(std::size_t relay) const {
    return relays_[relay].packets->drops();
  }
  /// Every signal between relays, in the order of sending: who sent it, and what.
  std::vector<std::pair<std::size_t, proto::SignalMessage>> between_relays;
  std::vector<std::string> log;

  [[nodiscard]] Instant now() const noexcept { return now_; }
  /// Time passes: what is due happens when it is due.
  void run_for(Duration time);
  /// What is under way without delay arrives.
  void settle();

 private:
  struct Relay {
    relay::Config config;
    std::unique_ptr<relay::RelayCore> core;
    std::unique_ptr<relay::PacketSwitch> packets;
    std::unique_ptr<relay::TrunkBatcher> trunks;
    Instant swept{};
  };
  /// One half of a connection between two relays.
  struct Half {
    std::size_t relay;
    ConnectionId conn;
    auto operator<=>(const Half&) const = default;
  };
  using Happening = std::function<void()>;

  void at(Instant when, Happening what) { queue_.emplace(std::pair{when, ++sequence_}, std::move(what)); }
  void feed(std::size_t relay, const relay::Event& event);
  void carry_out(std::size_t relay, relay::Actions actions);
  void boot(std::size_t relay);
  void feed_media(std::size_t relay, ConnectionId conn, const Bytes& datagram);
  void deliver(std::size_t relay, const std::vector<relay::Delivery>& deliveries);
  void deliver(std::size_t relay, const std::vector<relay::TrunkDatagram>& datagrams);
  void send_datagram(std::size_t relay, ConnectionId to, ByteView head, ByteView packet);
  void sweep_media(std::size_t relay);
  void set_room(std::size_t relay, const relay::RoomTable& table);
  void end_connection(Half half, std::optional<std::uint64_t> code);
  [[nodiscard]] FarEnd* far_end(Half half);
  [[nodiscard]] bool is_cut(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::vector<Half> halves_between(std::size_t a, std::size_t b) const;

  std::vector<Relay> relays_;
  std::deque<FarEnd> far_ends_;
  std::map<Half, std::size_t> far_end_of_;
  std::map<Half, Half> joined_;  ///< both ways
  std::vector<std::pair<std::size_t, std::size_t>> cuts_;
  std::map<std::pair<Instant, std::uint64_t>, Happening> queue_;
  std::uint64_t sequence_ = 0;
  std::uint64_t next_conn_ = 0;
  Instant now_ = Instant{std::chrono::hours{1}};
};

/// A client whose every word the test says, registered on `_signal`.
class Phone {
 public:
  struct Options {
    bool is_signed = true;
    proto::Caps caps{"relay-media"};  ///< empty: a stock client
    SocketAddress remote{IpAddress::v4(198, 51, 100, 1), 40000};
  };

  /// Opens the connection and registers; the ack is taken.
  Phone(RelayBench& bench, std::size_t relay, std::uint8_t name);
  Phone(RelayBench& bench, std::size_t relay, std::uint8_t name, Options options);

  /// Again, on a new connection; the old one is left as it is.
  void reconnect();
  void send(const proto::SignalMessage& message) { bench_->send(*end_, message); }
  /// The next message, if it is a T; it is taken only then.
  template <class T>
  std::optional<T> take() {
    if (end_->inbox.empty() || !std::holds_alternative<T>(end_->inbox.front())) return std::nullopt;
    T message = std::get<T>(end_->inbox.front());
    end_->inbox.pop_front();
    return message;
  }
  [[nodiscard]] bool heard_nothing() const { return end_->inbox.empty(); }
  void forget() { end_->inbox.clear(); }
  void lose() { bench_->lose(*end_); }

  [[nodiscard]] FarEnd& end() { return *end_; }
  [[nodiscard]] const crypto::Identity& identity() const { return identity_; }
  [[nodiscard]] Fingerprint fp() const { return identity_.fingerprint(); }
  [[nodiscard]] std::string text() const { return to_string(fp()); }

  /// An offer as this phone would write it, with one reflexive and one local address.
  [[nodiscard]] proto::DirectCallOffer offer(const Fingerprint& target, const std::string& call_id) const;
  /// Its word that this offer has reached it.
  [[nodiscard]] proto::CallRinging rings(const proto::DirectCallOffer& offer) const;
  /// An accepting answer with addresses, whatever the mode.
  [[nodiscard]] proto::DirectCallAnswer accept(const std::string& call_id,
                                               proto::CallAcceptMode mode = proto::CallAcceptMode::AcceptTrusted) const;
  [[nodiscard]] std::string reflexive() const { return to_string(options_.remote); }
  [[nodiscard]] std::string local() const;

  /// The media connection of a call, up to the `CallOffer`.
  FarEnd& join(const std::string& call_id, bool with_binding = true);

 private:
  RelayBench* bench_;
  std::size_t relay_;
  crypto::Identity identity_;
  std::uint8_t name_;
  Options options_;
  FarEnd* end_ = nullptr;
};

/// What only the person with this key can say about an offer.
[[nodiscard]] proto::CallRinging signed_ringing(const crypto::Identity& callee, const proto::DirectCallOffer& offer);

/// The exporters that every connection of the bench has: different for every connection.
[[nodiscard]] ByteArray<32> exporter(ConnectionId conn, std::uint8_t label);

}  // namespace wzp::test

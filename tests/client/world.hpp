#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "people.hpp"
#include "wzp/client/client_core.hpp"
#include "wzp/client/media_session.hpp"

namespace wzp::test {

/// Where the relay is.
inline const SocketAddress kRelayAddress = addr("20.0.0.1:4433");

/// Real clients, a small relay written for the tests, and connections that take their time, all on one event
/// queue. Every client plays and records: it sends a numbered frame each 20 ms while it has a path, and notes
/// which numbers it heard. What must never happen is checked as it happens.
class World {
 public:
  enum class RelayKind { Ours, Newest, Base };
  struct Options {
    RelayKind relay = RelayKind::Ours;
    bool carries = true;            ///< the room reaches both sides; only ours can say that it does not
    bool strip_signatures = false;  ///< as a hostile relay could; makes two of our clients reference peers
    Duration relay_latency = 10ms;
    Duration direct_latency = 5ms;
    Duration jitter{};     ///< added to each message, order per connection kept
    int loss_percent = 0;  ///< of datagrams
    std::uint32_t seed = 1;
  };
  struct Node {
    std::string name;
    SocketAddress address;
    std::unique_ptr<client::ClientCore> core;
    std::optional<proto::CallAcceptMode> answer = proto::CallAcceptMode::AcceptTrusted;  ///< to what rings
    bool alive = true;
    bool accepts_direct = true;  ///< whether a dial of somebody else gets through
    std::vector<std::pair<Instant, client::UserEvent>> events;
    std::vector<std::pair<Instant, client::Action>> actions;
    std::unique_ptr<client::MediaSession> media;
    client::MediaPaths paths;
    std::uint64_t generation = 0;  ///< of the media clock
    std::uint32_t next_frame = 0;
    std::set<std::uint32_t> heard;  ///< frames of the current call
    std::optional<Instant> last_heard;
    Duration longest_gap{};
    std::uint64_t relay_dials = 0;
  };

  explicit World(Options options);

  Node& add(const std::string& name, client::Config config);
  Node& add(const std::string& name) { return add(name, test::config(name)); }
  Node& node(const std::string& name);
  void run(Duration d);
  /// Until `done`, at most `limit`; whether it came true.
  bool run_until(const std::function<bool()>& done, Duration limit = 60s);
  void give(Node& n, const client::Event& event);
  void place(Node& from, const Node& to, std::string_view word = "1");
  void later(Duration wait, std::function<void()> f);

  // Faults.
  void crash(Node& n);         ///< gone without a word; connections idle out after 30 s
  void cut_signal(Node& n);    ///< the relay and the client lose this connection at once
  void set_relay_up(bool up);  ///< a stopped relay forgets everything
  void cut_direct();           ///< direct connections carry nothing more; they idle out
  /// A dial of nobody we know; returns the connection as `n` sees it.
  ConnectionId intrude(Node& n, const std::string& server_name, const SocketAddress& from);
  void intruder_says(ConnectionId c, const proto::DirectMessage& message);
  void intruder_sends(ConnectionId c, const Bytes& datagram);
  [[nodiscard]] bool closed(ConnectionId c) const { return !ends_.contains(c); }

  // What was said.
  [[nodiscard]] std::size_t open_connections(const Node& n) const;
  [[nodiscard]] std::vector<proto::SignalMessage> relayed_to(const Node& n) const;
  template <class T>
  [[nodiscard]] std::vector<T> told(const Node& n) const {
    std::vector<T> out;
    for (const auto& [when, event] : n.events) {
      if (const auto* one = std::get_if<T>(&event)) out.push_back(*one);
    }
    return out;
  }
  template <class T>
  [[nodiscard]] std::size_t count(const Node& n) const {
    std::size_t found = 0;
    for (const auto& [when, action] : n.actions) found += std::holds_alternative<T>(action) ? 1U : 0U;
    return found;
  }
  template <class T>
  [[nodiscard]] std::optional<Instant> when(const Node& n) const {
    for (const auto& [time, event] : n.events) {
      if (std::holds_alternative<T>(event)) return time;
    }
    return std::nullopt;
  }

  /// Judges each signal on its way: empty drops it, a wait delays it.
  std::function<std::optional<Duration>(const proto::SignalMessage&, const std::string& to)> on_signal;
  Options options;
  Instant now = at(0ms);

 private:
  enum class Kind { Signal, Room, Direct, Intruder };
  struct End {  // one end of a connection, at a client
    Kind kind{};
    std::size_t node = 0;
    ConnectionId other;  // direct: the other end
    std::string room;
  };
  struct Party {
    std::string fingerprint;
    std::optional<std::string> reflexive;
    std::vector<std::string> hosts;
  };
  struct RelayCall {
    Party caller, callee;
    bool active = false;
  };

  void perform(std::size_t who, const client::Actions& actions);
  void perform(std::size_t who, const client::Action& action);
  void tick_all();
  void step(Instant until);
  [[nodiscard]] std::optional<Instant> next_due() const;
  Duration flight(bool direct);
  void in_order(ConnectionId c, bool to_client, Duration flight, std::function<void()> f);
  ConnectionId open(Kind kind, std::size_t node);
  void dial_relay(std::size_t who, const client::DialRelay& dial);
  void dial_direct(std::size_t who, const client::DialDirect& dial);
  void close(ConnectionId c, std::optional<std::uint64_t> code, Duration after);
  void drop_end(ConnectionId c, std::optional<std::uint64_t> code, const std::string& why);
  void start_media(std::size_t who);
  void send_frame(std::size_t who, std::uint64_t generation);
  void deliver(ConnectionId c, const Bytes& datagram);

  // The relay.
  void relay_hears(ConnectionId c, const proto::SignalMessage& message);
  void relay_tells(const std::string& fingerprint, const proto::SignalMessage& message);
  void relay_says(ConnectionId c, const proto::SignalMessage& message);
  void relay_offer(ConnectionId c, proto::DirectCallOffer offer);
  void relay_answer(ConnectionId c, proto::DirectCallAnswer answer);
  void relay_hangup(ConnectionId c, const proto::Hangup& hangup);
  void relay_loses(ConnectionId c);
  void relay_setup(const std::string& id, const Party& to, const Party& other);
  [[nodiscard]] std::string other_party(const std::string& id, const std::string& fingerprint) const;

  std::mt19937 random_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> queue_;
  std::uint64_t seq_ = 0;
  std::uint64_t next_conn_ = 0;
  std::map<ConnectionId, End> ends_;
  std::map<std::pair<ConnectionId, bool>, Instant> last_flight_;
  std::set<std::pair<std::size_t, std::uint64_t>> cancelled_;
  bool relay_up_ = true;
  bool direct_cut_ = false;
  std::map<std::string, ConnectionId> registered_;  // by fingerprint
  std::map<std::string, RelayCall> calls_;
  std::map<std::string, std::vector<ConnectionId>> rooms_;
  std::vector<std::pair<std::size_t, proto::SignalMessage>> relayed_;
};

}  // namespace wzp::test

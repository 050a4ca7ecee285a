#pragma once

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "calls_bench.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"
#include "wzp/proto/media_tag.hpp"

namespace wzp::test {

/// Relays that are linked in any shape, all delegates of each other; of two, the one with the smaller index dials.
struct Mesh {
  using Links = std::vector<std::pair<int, int>>;

  Mesh(int relays, const Links& links, const Tweak& tweak = {}) {
    for (int i = 0; i < relays; ++i) {
      bench.add_relay(name(i), [&](relay::Config& c) {
        for (const auto& [a, b] : links) {
          if (a == i) c.peers.push_back(peer(b));
          if (b == i) c.trusted.push_back(trusted(a));
        }
        if (tweak) tweak(c);
      });
    }
    bench.run_for(std::chrono::seconds{3});
    bench.between_relays.clear();
    bench.media_between.clear();
  }

  static std::uint8_t name(int relay) { return static_cast<std::uint8_t>(relay + 1); }
  static relay::PeerConfig peer(int relay) {
    auto out = RelayBench::peer(name(relay));
    out.delegate = true;
    return out;
  }
  static relay::TrustedConfig trusted(int relay) {
    auto out = RelayBench::trusted(name(relay));
    out.delegate = true;
    return out;
  }
  /// 0 - 1 - 2 - ...
  static Links line(int relays) {
    Links links;
    for (int i = 0; i + 1 < relays; ++i) links.emplace_back(i, i + 1);
    return links;
  }
  static Links ring(int relays) {
    auto links = line(relays);
    links.emplace_back(0, relays - 1);
    return links;
  }
  static Links full(int relays) {
    Links links;
    for (int i = 0; i < relays; ++i) {
      for (int j = i + 1; j < relays; ++j) links.emplace_back(i, j);
    }
    return links;
  }
  static Links star(int relays) {
    Links links;
    for (int i = 1; i < relays; ++i) links.emplace_back(0, i);
    return links;
  }

  std::uint64_t drops(int relay, std::string_view reason) {
    return bench.core(std::size_t(relay)).counters().drops(reason);
  }
  std::optional<registry::DirectCall> call(int relay, const std::string& id) {
    return bench.core(std::size_t(relay)).call(call_id(id));
  }
  bool is_live(int relay, const std::string& id) {
    const auto found = call(relay, id);
    return found && found->is_live();
  }
  /// Datagrams that crossed the link between two relays, either way.
  std::size_t media_on(int a, int b) {
    return bench.media_between[{std::size_t(a), std::size_t(b)}] +
           bench.media_between[{std::size_t(b), std::size_t(a)}];
  }

  RelayBench bench;
};

/// A media packet whose payload says who sent it and which it is.
inline Bytes speech(std::uint8_t speaker, std::uint16_t number) {
  Bytes packet(proto::MediaHeader::kSize);
  proto::write(proto::MediaHeader{.seq = number, .timestamp = number * 20U},
               std::span<std::uint8_t, proto::MediaHeader::kSize>{packet.data(), proto::MediaHeader::kSize});
  packet.push_back(speaker);
  packet.push_back(static_cast<std::uint8_t>(number >> 8));
  packet.push_back(static_cast<std::uint8_t>(number));
  return packet;
}

/// What somebody has heard, out of bare packets and trunk frames: (speaker, number) and how often.
inline std::map<std::pair<int, int>, int> heard(FarEnd& end) {
  std::map<std::pair<int, int>, int> out;
  const auto count = [&](ByteView packet) {
    const auto p = packet.subspan(proto::MediaHeader::kSize);
    ++out[{p[0], (p[1] << 8) | p[2]}];
  };
  for (const auto& datagram : end.media) {
    if (datagram.front() != proto::kTrunkMarker) {
      count(datagram);
      continue;
    }
    ByteView rest = ByteView{datagram}.subspan(1);
    while (!rest.empty()) {
      const auto entry = proto::take_member_entry(rest);
      if (!entry) break;
      count(entry->packet);
    }
  }
  end.media.clear();
  return out;
}

/// A member of a room.
class Member {
 public:
  Member(RelayBench& bench, std::size_t relay, std::uint8_t name, const std::string& room, proto::Caps caps = {"trunk"})
      : bench_{&bench}, name_{name}, identity_{RelayBench::seed(name)}, end_{&bench.open(relay, room)} {
    proto::CallOffer offer;
    offer.identity_pub = identity_.public_key();
    offer.ephemeral_pub.fill(name);
    const auto signature = crypto::sign_call_offer(identity_, offer.ephemeral_pub);
    offer.signature = {signature.begin(), signature.end()};
    offer.alias = "member" + std::to_string(name);
    offer.caps = std::move(caps);
    const auto binding =
        crypto::sign_room_binding(identity_, bench.fp(relay), exporter(end_->conn, 'm'), offer.ephemeral_pub);
    offer.binding = {binding.begin(), binding.end()};
    bench.send(*end_, offer);
  }

  void say(std::uint16_t number) { bench_->send_media(*end_, speech(name_, number)); }
  void leave() { bench_->lose(*end_); }
  [[nodiscard]] FarEnd& end() { return *end_; }
  [[nodiscard]] std::uint8_t name() const { return name_; }
  [[nodiscard]] std::string text() const { return to_string(identity_.fingerprint()); }
  /// The newest list of members; empty before the first.
  [[nodiscard]] std::optional<proto::RoomUpdate> list() const {
    for (auto it = end_->inbox.rbegin(); it != end_->inbox.rend(); ++it) {
      if (const auto* update = std::get_if<proto::RoomUpdate>(&*it)) return *update;
    }
    return std::nullopt;
  }
  /// Who is in the newest list.
  [[nodiscard]] std::set<std::string> listed() const {
    std::set<std::string> out;
    const auto update = list();
    if (update) {
      for (const auto& p : update->participants) out.insert(p.fingerprint);
    }
    return out;
  }

 private:
  RelayBench* bench_;
  std::uint8_t name_;
  crypto::Identity identity_;
  FarEnd* end_;
};

}  // namespace wzp::test

#include "wzp/client/room_core.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "people.hpp"
#include "wzp/crypto/registration.hpp"
#include "wzp/crypto/room.hpp"

using namespace wzp;
using namespace wzp::client;
using namespace wzp::test;

namespace {

const SocketAddress kRelay = addr("20.0.0.1:4433");
const RelayFingerprint kCertificate{crypto::sha256(bytes_of("relay"))};

template <class T>
std::vector<T> acts(const RoomActions& actions) {
  std::vector<T> out;
  for (const auto& action : actions) {
    if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
  }
  return out;
}

template <class T>
std::vector<T> says(const RoomActions& actions) {
  std::vector<T> out;
  for (const auto& report : acts<RoomReport>(actions)) {
    if (const auto* one = std::get_if<T>(&report.event)) out.push_back(*one);
  }
  return out;
}

proto::RoomParticipant person(std::string_view name, std::optional<std::string> source = {},
                              std::optional<std::string> relay = {}) {
  return {to_string(identity(name).fingerprint()), std::string{name}, std::move(relay), std::move(source)};
}

proto::RoomUpdate list(std::vector<proto::RoomParticipant> people) {
  return {static_cast<std::uint32_t>(people.size()), std::move(people)};
}

proto::CallAnswer good_answer() {
  const auto relay = identity("relay");
  proto::CallAnswer answer;
  answer.identity_pub = relay.public_key();
  answer.ephemeral_pub = crypto::sha256(bytes_of("relay's"));
  const auto signature = crypto::sign_call_answer(relay, answer.ephemeral_pub);
  answer.signature.assign(signature.begin(), signature.end());
  return answer;
}

/// A member, and a hand to play its relay. Every connection is a new one.
struct Member {
  RoomCore core{{.identity = identity("alice"), .alias = "alice", .room = "tea"}};
  Instant now = at(0ms);
  std::uint64_t last_conn = 0;

  RoomActions give(const RoomInput& input) { return core.handle(input, now); }
  RoomActions signal(proto::SignalMessage message) { return give(Signal{conn(last_conn), std::move(message)}); }
  RoomActions lose(std::optional<std::uint64_t> code = {}, std::string why = "x") {
    return give(Lost{conn(last_conn), code, std::move(why)});
  }
  RoomActions wait(Duration d) {
    now += d;
    return core.tick(now);
  }
  RoomActions connect(const RoomActions& with_dial) {
    const auto dials = acts<DialRelay>(with_dial);
    REQUIRE(dials.size() == 1);
    RoomConnected e;
    e.connection.dial = dials[0].dial;
    e.connection.conn = conn(++last_conn);
    e.connection.remote = kRelay;
    e.connection.peer_certificate = kCertificate;
    e.connection.room_exporter = crypto::sha256(bytes_of("room exporter"));
    e.ephemeral = secret("eph");
    return give(e);
  }
  void join(const RoomActions& with_dial, std::vector<proto::RoomParticipant> people) {
    (void)connect(with_dial);
    REQUIRE(signal(good_answer()).empty());
    REQUIRE(says<RoomJoined>(signal(list(std::move(people)))).size() == 1);
  }
  void join() { join(core.start(now), {person("alice")}); }
};

}  // namespace

TEST_CASE("a member dials the room, proves who it is on this connection and announces trunk", "[client][room]") {
  Member m;
  const auto started = m.core.start(m.now);
  CHECK(acts<DialRelay>(started) == std::vector{DialRelay{DialId{1}, "tea", std::nullopt}});
  const auto sent = acts<SendSignal>(m.connect(started));
  REQUIRE(sent.size() == 1);
  const auto* offer = std::get_if<proto::CallOffer>(&sent[0].message);
  REQUIRE(offer);
  CHECK(crypto::verify_call_offer(offer->identity_pub, offer->ephemeral_pub, offer->signature));
  const crypto::RoomBinding terms{kCertificate, crypto::sha256(bytes_of("room exporter")), offer->ephemeral_pub,
                                  identity("alice").public_key()};
  CHECK(crypto::verify_room_binding(terms, offer->binding));
  CHECK(offer->caps == proto::Caps{"trunk"});
  CHECK(offer->alias == "alice");
  CHECK(m.signal(good_answer()).empty());
  CHECK_FALSE(m.core.up());  // relays refuse after their answer
  const auto in = m.signal(list({person("alice", "010203040001")}));
  CHECK(says<RoomJoined>(in) == std::vector{RoomJoined{conn(1), kRelay, false}});
  CHECK(m.core.up() == conn(1));
  const auto people = says<RoomPeople>(in);
  REQUIRE(people.size() == 1);
  REQUIRE(people[0].members.size() == 1);
  CHECK(people[0].members[0].is_self);
  CHECK(people[0].members[0].source == proto::SourceId{{1, 2, 3, 4}, 1});
  CHECK(m.core.deadline() == std::nullopt);
}

TEST_CASE("people who come and go are told, those who were there before us are not", "[client][room]") {
  Member m;
  m.join(m.core.start(m.now), {person("alice"), person("bob", "010203040002")});
  auto out = m.signal(list({person("alice"), person("bob", "010203040002"), person("carol", "0a0b0c0d0001", "there")}));
  const auto joined = says<RoomMemberJoined>(out);
  REQUIRE(joined.size() == 1);
  CHECK(joined[0].member.alias == "carol");
  CHECK(joined[0].member.relay == "there");
  CHECK(joined[0].member.fingerprint == identity("carol").fingerprint());
  CHECK(says<RoomMemberLeft>(out).empty());
  out = m.signal(list({person("alice"), person("carol", "0a0b0c0d0001", "there")}));
  REQUIRE(says<RoomMemberLeft>(out).size() == 1);
  CHECK(says<RoomMemberLeft>(out)[0].member.alias == "bob");
  CHECK(says<RoomMemberJoined>(out).empty());
  CHECK(m.core.members().size() == 2);
}

TEST_CASE("lists are made sense of whatever a relay puts into them", "[client][room]") {
  Member m;
  m.join();
  SECTION("the same person twice without sources is one, with two sources two") {
    (void)m.signal(list(
        {person("bob"), person("bob", {}, "far"), person("carol", "010203040005"), person("carol", "010203040006")}));
    CHECK(m.core.members().size() == 3);
  }
  SECTION("our own identity at another relay is not us") {
    (void)m.signal(list({person("alice"), person("alice", "0a0b0c0d0001", "there")}));
    CHECK(m.core.members()[0].is_self);
    CHECK_FALSE(m.core.members()[1].is_self);
  }
  SECTION("texts are made printable, unreadable fields are left out") {
    (void)m.signal(list({{"not a fingerprint", std::string{"\x1b[2Jbob\n"}, std::string{"\x07"}, "zz"}}));
    REQUIRE(m.core.members().size() == 1);
    const auto& member = m.core.members()[0];
    CHECK_FALSE(member.fingerprint);
    CHECK_FALSE(member.source);
    CHECK(member.alias == "?[2Jbob?");
    CHECK(member.relay == "?");
  }
  SECTION("at most 1,024 are kept") {
    std::vector<proto::RoomParticipant> many;
    for (int i = 0; i < 3000; ++i) many.push_back({"", "a" + std::to_string(i), {}, {}});
    (void)m.signal(list(std::move(many)));
    CHECK(m.core.members().size() == RoomCore::kMaxMembers);
  }
  SECTION("those whom the relay counts and does not name are counted") {
    auto update = list({person("alice"), person("bob")});
    for (const auto& [count, unlisted] : {std::pair{2U, 0U}, {1'030U, 1'028U}, {1U, 0U}}) {
      update.count = count;
      const auto people = says<RoomPeople>(m.signal(update));
      REQUIRE(people.size() == 1);
      CHECK(people[0].unlisted == unlisted);
    }
  }
  SECTION("an empty list is an empty room") {
    CHECK(says<RoomPeople>(m.signal(list({}))) == std::vector{RoomPeople{{}}});
  }
}

TEST_CASE("a failure before we were in ends it", "[client][room][timeout]") {
  Member m;
  const auto started = m.core.start(m.now);
  RoomActions out;
  SECTION("nobody there") { out = m.give(DialFailed{DialId{1}, "refused"}); }
  SECTION("no reply to the dial") {
    CHECK(m.wait(3s - 1ns).empty());
    out = m.wait(1ns);
    CHECK(acts<CancelDial>(out) == std::vector{CancelDial{DialId{1}}});
  }
  SECTION("no answer to the offer") {
    (void)m.connect(started);
    CHECK(m.wait(5s - 1ns).empty());
    out = m.wait(1ns);
    CHECK(acts<Close>(out) == std::vector{Close{conn(1), CloseCode::Timeout, "the relay did not answer"}});
  }
  SECTION("something else than an answer") {
    (void)m.connect(started);
    out = m.signal(list({person("alice")}));
    CHECK(acts<Close>(out).size() == 1);
  }
  SECTION("closed after the answer, as a reference relay refuses") {
    (void)m.connect(started);
    (void)m.signal(good_answer());
    out = m.lose(0);
  }
  REQUIRE(says<RoomEnded>(out).size() == 1);
  CHECK(says<RoomEnded>(out)[0].reason == RoomEndReason::NotConnected);
  CHECK(exit_code(RoomEndReason::NotConnected) == 3);
  CHECK(m.core.ended());
  CHECK(m.core.deadline() == std::nullopt);
  CHECK(m.wait(1h).empty());
}

TEST_CASE("a relay that sends no list is believed after two seconds", "[client][room][timeout]") {
  Member m;
  (void)m.connect(m.core.start(m.now));
  (void)m.signal(good_answer());
  CHECK(m.wait(2s - 1ns).empty());
  CHECK(says<RoomJoined>(m.wait(1ns)).size() == 1);
  CHECK(m.core.up() == conn(1));
}

TEST_CASE("an answer whose signature does not hold is final", "[client][room]") {
  Member m;
  (void)m.connect(m.core.start(m.now));
  auto bad = good_answer();
  const auto how = GENERATE(0, 1, 2);
  if (how == 0) bad.signature[5] ^= 1;
  if (how == 1) bad.signature.clear();
  if (how == 2) bad.ephemeral_pub[0] ^= 1;
  const auto out = m.signal(bad);
  CHECK(says<RoomEnded>(out) == std::vector{RoomEnded{RoomEndReason::BadRelay, "its answer does not verify"}});
  CHECK(acts<Close>(out).size() == 1);
}

TEST_CASE("some close codes are final in every state", "[client][room]") {
  const auto [code, reason, exit] = GENERATE(table<std::uint64_t, RoomEndReason, int>({
      {0x19, RoomEndReason::NotAdmitted, 5},
      {0x1a, RoomEndReason::NotAdmitted, 5},
      {0x10, RoomEndReason::Replaced, 4},
      {0x12, RoomEndReason::Refused, 4},
  }));
  const auto state = GENERATE(0, 1, 2, 3);
  Member m;
  if (state < 2) (void)m.connect(m.core.start(m.now));
  if (state == 1) (void)m.signal(good_answer());
  if (state >= 2) m.join();
  if (state == 3) {
    (void)m.lose();
    (void)m.connect(m.wait(1s));
  }
  const auto out = m.lose(code, "words of\nthe relay");
  CHECK(says<RoomEnded>(out) == std::vector{RoomEnded{reason, "words of?the relay"}});
  CHECK(acts<DialRelay>(out).empty());
  CHECK(exit_code(reason) == exit);
  CHECK_FALSE(text(reason).empty());
  CHECK_FALSE(name(reason).empty());
  CHECK(m.wait(1h).empty());
}

TEST_CASE("a lost room is tried again after 1, 2, 4, 8, 15 and then 30 seconds", "[client][room][timeout]") {
  Member m;
  m.join();
  m.now += 1min;
  const auto code = GENERATE(as<std::optional<std::uint64_t>>{}, std::nullopt, 0x00, 0x16, 0x17, 0x18, 0x99);
  auto out = m.lose(code);
  int attempt = 0;
  for (const auto wait : {1s, 2s, 4s, 8s, 15s, 30s, 30s}) {
    const auto again = says<RoomReconnecting>(out);
    REQUIRE(again.size() == 1);
    CHECK(again[0].retry_in == wait);
    CHECK(again[0].attempt == ++attempt);
    CHECK_FALSE(m.core.up());
    CHECK(m.wait(wait - 1ns).empty());
    const auto dials = acts<DialRelay>(m.wait(1ns));
    REQUIRE(dials.size() == 1);
    CHECK(dials[0].server_name == "tea");
    out = m.give(DialFailed{dials[0].dial, "nobody there"});
  }
}

TEST_CASE("being in for five seconds starts the schedule anew", "[client][room]") {
  Member m;
  m.join();
  const bool settled = GENERATE(true, false);
  m.now += settled ? 5s : 4s;
  CHECK(says<RoomReconnecting>(m.lose())[0].retry_in == 1s);
  m.join(m.wait(1s), {person("alice")});
  m.now += settled ? 5s : 1s;
  CHECK(says<RoomReconnecting>(m.lose())[0].retry_in == (settled ? 1s : 2s));
}

TEST_CASE("after reconnecting the new list is compared with the old one", "[client][room]") {
  Member m;
  m.join(m.core.start(m.now), {person("alice"), person("bob"), person("carol")});
  (void)m.lose();
  CHECK(m.core.members().size() == 3);
  (void)m.connect(m.wait(1s));
  (void)m.signal(good_answer());
  const auto out = m.signal(list({person("alice"), person("carol"), person("dave")}));
  CHECK(says<RoomJoined>(out) == std::vector{RoomJoined{conn(2), kRelay, true}});
  REQUIRE(says<RoomMemberLeft>(out).size() == 1);
  CHECK(says<RoomMemberLeft>(out)[0].member.alias == "bob");
  REQUIRE(says<RoomMemberJoined>(out).size() == 1);
  CHECK(says<RoomMemberJoined>(out)[0].member.alias == "dave");
}

TEST_CASE("our own new source after reconnecting is no news", "[client][room]") {
  Member m;
  m.join(m.core.start(m.now), {person("alice", "010203040001")});
  (void)m.lose();
  (void)m.connect(m.wait(1s));
  (void)m.signal(good_answer());
  // The relay has not noticed that our first connection is gone.
  auto out = m.signal(list({person("alice", "010203040001"), person("alice", "010203040002")}));
  CHECK(says<RoomMemberJoined>(out).empty());
  out = m.signal(list({person("alice", "010203040002")}));
  CHECK(says<RoomMemberLeft>(out).empty());
}

TEST_CASE("a directive names a codec that we can send", "[client][room][D-22]") {
  Member m;
  m.join();
  const auto [asked, sent] = GENERATE(table<proto::CodecId, proto::CodecId>({
      {proto::CodecId::Opus64k, proto::CodecId::Opus64k},
      {proto::CodecId::Opus24k, proto::CodecId::Opus24k},
      {proto::CodecId::Opus6k, proto::CodecId::Opus6k},
      {proto::CodecId::Codec2_1200, proto::CodecId::Opus6k},
      {proto::CodecId::Codec2_3200, proto::CodecId::Opus6k},
  }));
  proto::QualityDirective directive;
  directive.recommended_profile.codec = asked;
  directive.reason = "weakest link: x";
  CHECK(says<RoomDirective>(m.signal(directive)) == std::vector{RoomDirective{sent, "weakest link: x"}});
  directive.recommended_profile.codec = proto::CodecId::ComfortNoise;
  CHECK(m.signal(directive).empty());
}

TEST_CASE("what has no place in a room is skipped", "[client][room]") {
  Member m;
  m.join();
  CHECK(m.signal(good_answer()).empty());
  CHECK(m.signal(proto::Hangup{}).empty());
  CHECK(m.signal(proto::Ping{}).empty());
  CHECK(says<RoomEnded>(m.give(BadMessage{conn(1), {Errc::UnknownSignal, "Dance"}})).empty());
  CHECK(m.give(Signal{conn(77), list({})}).empty());
  CHECK(m.give(Lost{conn(77), 0x19, "another connection"}).empty());
  CHECK(m.give(DialFailed{DialId{1}, "late"}).empty());
  CHECK(m.core.up() == conn(1));
}

TEST_CASE("leaving says so, whatever the state", "[client][room]") {
  Member m;
  RoomActions out;
  SECTION("connecting") {
    (void)m.core.start(m.now);
    out = m.give(LeaveRoom{});
    CHECK(acts<CancelDial>(out).size() == 1);
    // It completed all the same.
    RoomConnected late;
    late.connection.dial = DialId{1};
    late.connection.conn = conn(9);
    CHECK(acts<Close>(m.give(late)).size() == 1);
  }
  SECTION("in") {
    m.join();
    out = m.give(LeaveRoom{});
    const std::vector sent{SendSignal{conn(1), proto::Hangup{}}};
    CHECK(acts<SendSignal>(out) == sent);
    CHECK(acts<Close>(out) == std::vector{Close{conn(1), CloseCode::Normal, "leave"}});
  }
  SECTION("waiting to reconnect") {
    m.join();
    (void)m.lose();
    out = m.give(LeaveRoom{});
    CHECK(acts<Close>(out).empty());
  }
  CHECK(says<RoomEnded>(out) == std::vector{RoomEnded{RoomEndReason::Left, ""}});
  CHECK(exit_code(RoomEndReason::Left) == 0);
  CHECK(m.core.deadline() == std::nullopt);
  CHECK(m.give(LeaveRoom{}).empty());
  CHECK(m.wait(1h).empty());
}

TEST_CASE("whatever happens in whatever order, a member dials once at a time and ends once", "[client][room]") {
  std::uint32_t random = GENERATE(range(1U, 201U));
  INFO("seed " << random);
  const auto next = [&](std::uint32_t n) { return ((random = random * 1664525U + 1013904223U) >> 8) % n; };
  Member m;
  std::optional<DialId> dialling;
  std::vector<ConnectionId> open;
  int ended = 0;
  const auto judge = [&](const RoomActions& actions) {
    for (const auto& action : actions) {
      if (ended > 0) CHECK(std::holds_alternative<Close>(action));  // of a dial that completed too late
      if (const auto* a = std::get_if<DialRelay>(&action)) {
        CHECK_FALSE(dialling);
        CHECK(open.empty());
        dialling = a->dial;
      }
      if (std::holds_alternative<CancelDial>(action)) dialling.reset();
      if (const auto* a = std::get_if<Close>(&action)) std::erase(open, a->conn);
      if (const auto* a = std::get_if<SendSignal>(&action)) CHECK(open == std::vector{a->conn});
      const auto* report = std::get_if<RoomReport>(&action);
      if (report != nullptr && std::holds_alternative<RoomEnded>(report->event)) ++ended;
    }
    if (m.core.up()) CHECK(open == std::vector{*m.core.up()});
    if (ended == 0) CHECK((m.core.deadline() || m.core.up()));  // never stuck
  };
  judge(m.core.start(m.now));
  const bool begins_inside = random % 2 == 0;  // a failure before that ends it
  for (int step = 0; step < 200; ++step) {
    const auto what = begins_inside && step < 3 ? static_cast<unsigned>(step) * 5U : next(20);
    if (what < 5 && dialling) {
      RoomConnected e;
      e.connection.dial = *std::exchange(dialling, std::nullopt);
      e.connection.conn = conn(++m.last_conn);
      open.push_back(conn(m.last_conn));
      judge(m.give(e));
    } else if (what == 5 && dialling) {
      judge(m.give(DialFailed{*std::exchange(dialling, std::nullopt), "no"}));
    } else if (what < 10) {
      judge(m.signal(good_answer()));
    } else if (what < 14) {
      judge(m.signal(list({person("alice"), person("bob")})));
    } else if (what == 14 && !open.empty()) {
      open.clear();
      judge(m.lose(next(30)));
    } else if (what == 15 && next(20) == 0) {
      judge(m.give(LeaveRoom{}));
    } else if (what == 16) {
      judge(m.signal(proto::QualityDirective{}));
    } else {
      judge(m.wait(std::chrono::milliseconds{next(4000)}));
    }
  }
  judge(m.give(LeaveRoom{}));
  CHECK(ended == 1);
  CHECK(open.empty());
  CHECK_FALSE(dialling);
}

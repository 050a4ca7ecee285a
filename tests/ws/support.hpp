#pragma once

#include <catch2/catch_test_macros.hpp>

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wzp/base/bytes.hpp"
#include "wzp/net/clock.hpp"
#include "wzp/net/fd.hpp"
#include "wzp/net/loop.hpp"
#include "wzp/net/sockaddr.hpp"
#include "wzp/ws/server.hpp"

// A server on loopback and raw TCP clients of it, all on one loop and one thread.

namespace wzp::ws::test {

using namespace std::chrono_literals;

/// Turns the loop until `condition` holds. False after `patience`, which no passing test waits for.
inline bool wait_for(net::Loop& loop, const std::function<bool()>& condition, Duration patience = 10s) {
  const auto deadline = net::now() + patience;
  while (!condition()) {
    if (net::now() > deadline) return false;
    loop.turn(2ms);
  }
  return true;
}

/// A frame as a client writes it.
struct Frame {
  std::uint8_t opcode = 2;
  Bytes payload{};
  bool fin = true;
  bool masked = true;
  std::uint8_t rsv = 0;
};

inline Bytes encode(const Frame& frame) {
  constexpr ByteArray<4> kMask{0x37, 0xfa, 0x21, 0x3d};
  const auto size = frame.payload.size();
  Bytes out{static_cast<std::uint8_t>((frame.fin ? 0x80 : 0) | (frame.rsv << 4) | frame.opcode)};
  const std::uint8_t mask_bit = frame.masked ? 0x80 : 0;
  if (size < 126) {
    out.push_back(static_cast<std::uint8_t>(mask_bit | size));
  } else if (size < 65'536) {
    out.push_back(mask_bit | 126);
    out.push_back(static_cast<std::uint8_t>(size >> 8));
    out.push_back(static_cast<std::uint8_t>(size));
  } else {
    out.push_back(mask_bit | 127);
    out.resize(out.size() + 8);
    store_be64(out.data() + out.size() - 8, size);
  }
  if (frame.masked) append(out, kMask);
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back(static_cast<std::uint8_t>(frame.payload[i] ^ (frame.masked ? kMask[i % 4] : 0)));
  }
  return out;
}

inline Bytes text_bytes(std::string_view text) { return {bytes_of(text).begin(), bytes_of(text).end()}; }
inline Frame text_frame(std::string_view text) { return {.opcode = 1, .payload = text_bytes(text)}; }

/// A TCP client. Reads only when asked to.
class Client {
 public:
  explicit Client(const SocketAddress& server) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    net::Sockaddr address;
    const auto size = net::to_sockaddr(server, false, address);
    REQUIRE(::connect(fd_.get(), &address.any, size) == 0);
  }

  void send(ByteView bytes) {
    REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void send(std::string_view text) { send(bytes_of(text)); }
  void send(const Frame& frame) { send(encode(frame)); }
  /// As much as fits into the buffers without waiting; says whether all did. For floods that the server may cut.
  bool try_send(ByteView bytes) {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size());
  }
  void shut() { fd_ = net::Fd{}; }
  /// Closes with a TCP reset.
  void cut() {
    const linger now{1, 0};
    REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    shut();
  }

  /// All that has come so far.
  const Bytes& read() {
    ByteArray<4096> buffer;
    while (!ended_) {
      const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) break;
      ended_ = size <= 0;
      if (size > 0) append(in_, ByteView{buffer}.first(static_cast<std::size_t>(size)));
    }
    return in_;
  }
  /// The server has ended the connection.
  bool ended() { return read(), ended_; }
  std::string_view text() { return text_of(read()); }

  /// The next frame of the server, once it is there whole.
  std::optional<Frame> next_frame() {
    read();
    const ByteView in = ByteView{in_}.subspan(taken_);
    if (in.size() < 2) return std::nullopt;
    std::size_t head = 2;
    std::size_t size = in[1] & 0x7f;
    if (size == 126) {
      head = 4;
      if (in.size() < head) return std::nullopt;
      size = load_be16(in.data() + 2);
    } else if (size == 127) {
      head = 10;
      if (in.size() < head) return std::nullopt;
      size = load_be64(in.data() + 2);
    }
    if (in.size() < head + size) return std::nullopt;
    taken_ += head + size;
    const auto payload = in.subspan(head, size);
    return Frame{.opcode = static_cast<std::uint8_t>(in[0] & 0xf),
                 .payload = {payload.begin(), payload.end()},
                 .fin = (in[0] & 0x80) != 0,
                 .masked = (in[1] & 0x80) != 0};
  }
  /// Takes the answer to the upgrade off what has come; empty while it is not whole.
  std::string take_head() {
    read();
    const auto end = text_of(in_).find("\r\n\r\n");
    if (end == std::string_view::npos) return {};
    taken_ = end + 4;
    return std::string{text_of(in_).substr(0, taken_)};
  }

 private:
  net::Fd fd_;
  Bytes in_;
  std::size_t taken_ = 0;
  bool ended_ = false;
};

inline constexpr std::string_view kUpgrade =
    "GET /ws/tea HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Keeps what it is told. Accepts /ws/tea alone.
struct Recorder : Handler {
  Answer on_request(const Request& request) override {
    paths.push_back(request.path);
    return request.path == "/ws/tea" ? Answer{} : Answer{404, "only /ws/tea"};
  }
  void on_opened(ConnectionId id, const Request& request) override { opened.emplace_back(id, request); }
  void on_text(ConnectionId id, std::string_view text) override {
    texts.emplace_back(text);
    if (on_said) on_said(id);
  }
  void on_binary(ConnectionId, ByteView bytes) override { binaries.emplace_back(bytes.begin(), bytes.end()); }
  void on_text_sent(ConnectionId, std::uint64_t number) override { sent.push_back(number); }
  void on_closed(ConnectionId id, const CloseInfo& info) override { closed.emplace_back(id, info); }

  std::vector<std::string> paths;
  std::vector<std::pair<ConnectionId, Request>> opened;
  std::vector<std::string> texts;
  std::vector<Bytes> binaries;
  std::vector<std::uint64_t> sent;
  std::vector<std::pair<ConnectionId, CloseInfo>> closed;
  std::function<void(ConnectionId)> on_said;
};

/// A loop, a server on it, and who records what it says.
struct Stage {
  explicit Stage(ServerConfig config = {}) {
    config.bind = *SocketAddress::parse("127.0.0.1:0");
    auto created = net::Loop::create();
    REQUIRE(created);
    loop = std::move(*created);
    auto opened = Server::open(config, *loop, heard);
    REQUIRE(opened);
    server = std::move(*opened);
  }

  bool wait(const std::function<bool()>& condition) { return wait_for(*loop, condition); }

  /// A client whose upgrade is complete, and its id.
  std::pair<std::unique_ptr<Client>, ConnectionId> open() {
    auto client = std::make_unique<Client>(server->local());
    const auto before = heard.opened.size();
    client->send(kUpgrade);
    REQUIRE(wait([&] { return heard.opened.size() > before && !client->take_head().empty(); }));
    return {std::move(client), heard.opened.back().first};
  }

  /// The next frame that this client gets.
  Frame frame(Client& client) {
    std::optional<Frame> got;
    REQUIRE(wait([&] { return (got = client.next_frame()).has_value(); }));
    return *got;
  }

  /// The code of the close frame that this client gets; whatever comes before is skipped.
  std::uint16_t close_code(Client& client) {
    for (;;) {
      const auto got = frame(client);
      if (got.opcode == 8) return got.payload.size() < 2 ? std::uint16_t{0} : load_be16(got.payload.data());
    }
  }

  Recorder heard;
  std::unique_ptr<net::Loop> loop;
  std::unique_ptr<Server> server;
};

}  // namespace wzp::ws::test

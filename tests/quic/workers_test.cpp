#include <array>

#include "support.hpp"
#include "wzp/net/mailbox.hpp"
#include "wzp/net/worker.hpp"

using namespace wzp;
using namespace wzp::quic;
using namespace wzp::quic::test;

TEST_CASE("two workers share one address, and packets find their owner", "[quic]") {
  World world;
  auto config = server_config();
  config.workers = 2;
  config.socket.reuse_port = true;
  Node zero{world, config};
  config.worker = 1;
  config.bind = zero.address();
  Node one{world, config};
  std::size_t handed_over = 0;
  const auto pass = [&](ForeignPacket&& packet) {
    ++handed_over;
    (packet.worker == 0 ? zero : one).endpoint->inject(packet, net::now());
  };
  zero.when_foreign = pass;
  one.when_foreign = pass;

  // The kernel chooses a worker by the addresses, so new ports reach both.
  Node client{world, client_config()};
  const auto id = client.dial(zero.address());
  REQUIRE(world.run_until([&] { return client.connected(id) && zero.order.size() + one.order.size() == 1; }));
  world.run_for(50ms);
  auto& owner = zero.order.empty() ? one : zero;
  const auto far = owner.order.front();
  CHECK(far.worker() == (&owner == &zero ? 0 : 1));
  std::size_t sent = 0;
  for (int move = 0; move < 20 && handed_over < 2; ++move) {
    REQUIRE(client.endpoint->rebind(loopback(), net::now()));
    ++sent;
    REQUIRE(client.endpoint->send_message(id, bytes_of("after a move")));
    REQUIRE(world.run_until([&] { return owner.all[far].messages.size() == sent; }));
    world.run_for(30ms);  // until new connection ids have come, so that it can move again
  }
  CHECK(handed_over >= 2);
  CHECK_FALSE(client.closed(id));
}

TEST_CASE("workers on threads of their own serve many clients", "[quic]") {
  constexpr std::uint16_t kWorkers = 2;
  struct Echo : Handler {
    std::unique_ptr<Endpoint> endpoint;
    net::Mailbox<ForeignPacket> mailbox{64};
    std::array<Echo*, kWorkers> all{};
    void on_connected(ConnectionId, const ConnectionInfo&) override {}
    void on_closed(ConnectionId, const CloseInfo&) override {}
    void on_stream(ConnectionId id, StreamId, ByteView data, bool fin) override {
      if (fin) static_cast<void>(endpoint->send_message(id, data));
    }
    void on_foreign_packet(ForeignPacket&& packet) override { all[packet.worker]->mailbox.push(std::move(packet)); }
  };
  auto config = server_config();
  config.workers = kWorkers;
  config.socket.reuse_port = true;
  std::array<Echo, kWorkers> echoes;
  for (std::uint16_t i = 0; i < kWorkers; ++i) {
    config.worker = i;
    auto opened = Endpoint::open(config, echoes[i]);
    REQUIRE(opened);
    echoes[i].endpoint = std::move(*opened);
    echoes[i].all = {&echoes[0], &echoes[1]};
    config.bind = echoes[i].endpoint->local();
  }
  std::vector<std::unique_ptr<net::Worker>> workers;
  for (auto& echo : echoes) {
    auto worker = net::Worker::start("quic", [&echo](net::Loop& loop) {
      const Attachment attachment{loop, *echo.endpoint};
      static_cast<void>(loop.watch(echo.mailbox.fd(), [&](Instant now) {
        echo.mailbox.drain([&](const ForeignPacket& packet) { echo.endpoint->inject(packet, now); });
      }));
      loop.run();
      loop.unwatch(echo.mailbox.fd());
    });
    REQUIRE(worker);
    workers.push_back(std::move(*worker));
  }
  World world;
  std::vector<std::unique_ptr<Node>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::make_unique<Node>(world, client_config()));
    auto& client = *clients.back();
    const auto id = client.dial(config.bind);
    client.all[id];
    REQUIRE(client.endpoint->send_message(id, bytes_of("echo")));
  }
  CHECK(world.run_until([&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto& c) {
      return c->all.begin()->second.messages == std::vector<std::string>{"echo"};
    });
  }));
  for (auto& worker : workers) worker->stop();
}

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
    Endpoint* endpoint = nullptr;
    std::array<net::Mailbox<ForeignPacket>*, kWorkers> mailboxes{};
    void on_connected(ConnectionId, const ConnectionInfo&) override {}
    void on_closed(ConnectionId, const CloseInfo&) override {}
    void on_stream(ConnectionId id, StreamId, ByteView data, bool fin) override {
      if (fin) static_cast<void>(endpoint->send_message(id, data));
    }
    void on_foreign_packet(ForeignPacket&& packet) override { mailboxes[packet.worker]->push(std::move(packet)); }
  };
  auto config = server_config();
  config.workers = kWorkers;
  config.socket.reuse_port = true;
  const auto reserved = net::UdpSocket::open(loopback(), {.reuse_port = true});
  REQUIRE(reserved);
  config.bind = reserved->local();
  std::array<net::Mailbox<ForeignPacket>, kWorkers> mailboxes{net::Mailbox<ForeignPacket>{64}, net::Mailbox<ForeignPacket>{64}};
  std::atomic<int> ready{0};
  std::vector<std::unique_ptr<net::Worker>> workers;
  for (std::uint16_t i = 0; i < kWorkers; ++i) {
    auto worker = net::Worker::start("quic-" + std::to_string(i), [&, i](net::Loop& loop) {
      auto mine = config;
      mine.worker = i;
      Echo handler;
      for (std::size_t k = 0; k < kWorkers; ++k) handler.mailboxes[k] = &mailboxes[k];
      auto endpoint = std::move(*Endpoint::open(mine, handler));
      handler.endpoint = endpoint.get();
      const Attachment attachment{loop, *endpoint};
      static_cast<void>(loop.watch(mailboxes[i].fd(), [&](Instant now) {
        mailboxes[i].drain([&](ForeignPacket packet) { endpoint->inject(packet, now); });
      }));
      ++ready;
      loop.run();
      loop.unwatch(mailboxes[i].fd());
    });
    REQUIRE(worker);
    workers.push_back(std::move(*worker));
  }
  World world;
  REQUIRE(world.run_until([&] { return ready == kWorkers; }));
  // The socket that reserved the port takes its share of newcomers; it must not exist while clients dial.
  const auto address = reserved->local();
  { auto gone = std::move(const_cast<Result<net::UdpSocket>&>(reserved).value()); }

  Node client{world, client_config()};
  std::vector<std::unique_ptr<Node>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::make_unique<Node>(world, client_config()));
    const auto id = clients.back()->dial(address);
    REQUIRE(clients.back()->endpoint->send_message(id, bytes_of("echo")));
  }
  CHECK(world.run_until([&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto& c) {
      return c->all.begin()->second.messages == std::vector<std::string>{"echo"};
    });
  }));
  for (auto& worker : workers) worker->stop();
}

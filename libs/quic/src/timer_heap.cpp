#include "timer_heap.hpp"

namespace wzp::quic {

void TimerHeap::put(std::size_t place, Entry* entry) {
  heap_[place] = entry;
  entry->place = place;
}

void TimerHeap::up(std::size_t place) {
  auto* entry = heap_[place];
  while (place > 0) {
    const auto parent = (place - 1) / 2;
    if (heap_[parent]->due <= entry->due) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void TimerHeap::down(std::size_t place) {
  auto* entry = heap_[place];
  for (;;) {
    auto child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due < heap_[child]->due) ++child;
    if (entry->due <= heap_[child]->due) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

void TimerHeap::set(Entry& entry, Instant due) {
  entry.due = due;
  if (entry.place == Entry::kNowhere) {
    heap_.push_back(&entry);
    entry.place = heap_.size() - 1;
  }
  up(entry.place);
  down(entry.place);
}

void TimerHeap::remove(Entry& entry) {
  if (entry.place == Entry::kNowhere) return;
  const auto place = entry.place;
  auto* last = heap_.back();
  heap_.pop_back();
  entry.place = Entry::kNowhere;
  if (last == &entry) return;
  put(place, last);
  up(place);
  down(last->place);
}

std::optional<Instant> TimerHeap::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->due;
}

Connection* TimerHeap::pop(Instant now) {
  if (heap_.empty() || heap_.front()->due > now) return nullptr;
  auto& entry = *heap_.front();
  remove(entry);
  return entry.owner;
}

}  // namespace wzp::quic

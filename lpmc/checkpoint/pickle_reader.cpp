#include "lpmc/checkpoint/pickle_reader.h"

#include <algorithm>
#include <bit>

#include "lpmc/checkpoint/pickle_machine.h"

namespace lpmc {
namespace detail {

void PickleMachine::fail_opcode(std::uint8_t opcode) const {
  const bool printable = opcode > 0x20 && opcode < 0x7F;
  fail(ErrorKind::unsupported, "{}: byte {}: pickle opcode 0x{:02x}{}: not one that a checkpoint may contain",
       where_, at_, opcode, printable ? fmt::format(" ('{}')", static_cast<char>(opcode)) : "");
}

// --- input ---------------------------------------------------------------------------------------

std::span<const std::byte> PickleMachine::take(std::uint64_t size) {
  if (size > bytes_.size() - position_) {
    damaged("cut off: {} bytes expected, {} left", size, bytes_.size() - position_);
  }
  const auto taken = bytes_.subspan(position_, size);
  position_ += size;
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::string_view rest = as_text(bytes_.subspan(position_));
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) damaged("cut off in a name");
  position_ += end + 1;
  return rest.substr(0, end);
}

// --- values and stack ----------------------------------------------------------------------------

PickleId PickleMachine::add(PickleValue value) {
  if (pickle_.values.size() >= kMaxPickleObjects) damaged("more than {} objects", kMaxPickleObjects);
  pickle_.values.push_back(std::move(value));
  return static_cast<PickleId>(pickle_.values.size() - 1);
}

void PickleMachine::push_kind(PickleKind kind) {
  PickleValue value;
  value.kind = kind;
  push_value(std::move(value));
}

void PickleMachine::push_integer(std::int64_t integer, PickleKind kind) {
  PickleValue value;
  value.kind = kind;
  value.integer = integer;
  push_value(std::move(value));
}

PickleId PickleMachine::pop() {
  if (available() == 0) damaged("the stack is empty");
  const PickleId id = stack_.back();
  stack_.pop_back();
  return id;
}

PickleId PickleMachine::pop_kind(PickleKind kind, std::string_view role) {
  const PickleId id = pop();
  if (value(id).kind != kind) {
    damaged("{}: expected {}, found {}", role, to_string(kind), to_string(value(id).kind));
  }
  return id;
}

std::vector<PickleId> PickleMachine::pop_to_mark() {
  if (marks_.empty()) damaged("no mark on the stack");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleId> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

std::vector<PickleId> PickleMachine::pop_count(std::size_t count) {
  if (available() < count) damaged("{} values expected on the stack, found {}", count, available());
  const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<PickleId> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  return items;
}

void PickleMachine::push_container(PickleKind kind, std::vector<PickleId> items) {
  if (kind == PickleKind::dict && items.size() % 2 != 0) damaged("a dict with a key that has no value");
  PickleValue value;
  value.kind = kind;
  deepen(value, items);
  value.items = std::move(items);
  push_value(std::move(value));
}

/// Appends to the list or dict on top of the stack.
void PickleMachine::extend(PickleKind kind, std::span<const PickleId> items) {
  if (available() == 0) damaged("the stack is empty");
  PickleValue& container = value(stack_.back());
  if (container.kind != kind) {
    damaged("expected {} to add to, found {}", to_string(kind), to_string(container.kind));
  }
  if (kind == PickleKind::dict && items.size() % 2 != 0) damaged("a dict with a key that has no value");
  deepen(container, items);
  container.items.insert(container.items.end(), items.begin(), items.end());
}

void PickleMachine::deepen(PickleValue& container, std::span<const PickleId> items) const {
  for (const PickleId item : items) {
    container.depth = std::max(container.depth, pickle_.values[item].depth + 1);
  }
  if (container.depth > kMaxPickleDepth) damaged("nested over {} deep", kMaxPickleDepth);
}

void PickleMachine::memoize(std::size_t index) {
  // Writers number the memo from 0, so an index over the number of bytes is nonsense that would cost memory.
  if (index >= std::min(bytes_.size(), kMaxPickleObjects))
    damaged("memo index {} in {} bytes", index, bytes_.size());
  if (available() == 0) damaged("the stack is empty");
  if (index >= memo_.size()) memo_.resize(index + 1, kNoValue);
  if (memo_[index] == kNoValue) ++memoized_;
  memo_[index] = stack_.back();
}

void PickleMachine::recall(std::size_t index) {
  if (index >= memo_.size() || memo_[index] == kNoValue) damaged("memo index {} was never set", index);
  push(memo_[index]);
}

// --- opcodes -------------------------------------------------------------------------------------

void PickleMachine::push_float() {
  PickleValue value;
  value.kind = PickleKind::real;
  std::uint64_t bits = 0;  // the one big-endian number of the format
  for (const std::byte byte : take(8))
    bits = (bits << 8) | std::to_integer<std::uint64_t>(byte);
  value.real = std::bit_cast<double>(bits);
  push_value(std::move(value));
}

void PickleMachine::push_long(std::size_t size) {
  const auto bytes = take(size);
  if (size > 8) return push_integer(0, PickleKind::big_integer);
  // Two's complement of any length: start from the sign.
  const bool negative = size != 0 && (bytes[size - 1] & std::byte{0x80}) != std::byte{0};
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = size; i-- > 0;)
    bits = (bits << 8) | std::to_integer<std::uint64_t>(bytes[i]);
  push_integer(static_cast<std::int64_t>(bits));
}

bool PickleMachine::step_scalar(Op op) {
  const auto push_text = [this](std::uint64_t size) {
    PickleValue value;
    value.kind = PickleKind::string;
    value.text = as_text(take(size));
    push_value(std::move(value));
  };
  switch (op) {
    case Op::none:
      push_kind(PickleKind::none);
      return true;
    case Op::newtrue:
      push_integer(1, PickleKind::boolean);
      return true;
    case Op::newfalse:
      push_integer(0, PickleKind::boolean);
      return true;
    case Op::binint:
      push_integer(take_little<std::int32_t>());
      return true;
    case Op::binint1:
      push_integer(take_little<std::uint8_t>());
      return true;
    case Op::binint2:
      push_integer(take_little<std::uint16_t>());
      return true;
    case Op::long1:
      push_long(take_little<std::uint8_t>());
      return true;
    case Op::binfloat:
      push_float();
      return true;
    case Op::binunicode:
      push_text(take_little<std::uint32_t>());
      return true;
    case Op::short_binunicode:
      push_text(take_little<std::uint8_t>());
      return true;
    case Op::binunicode8:
      push_text(take_little<std::uint64_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_stack(Op op) {
  switch (op) {
    case Op::mark:
      if (marks_.size() >= kMaxPickleDepth) damaged("nested over {} deep", kMaxPickleDepth);
      marks_.push_back(stack_.size());
      return true;
    case Op::pop:
      // As Python: with nothing above a mark, the mark itself goes.
      if (available() == 0 && !marks_.empty()) {
        marks_.pop_back();
      } else {
        pop();
      }
      return true;
    case Op::pop_mark:
      pop_to_mark();
      return true;
    case Op::binput:
      memoize(take_little<std::uint8_t>());
      return true;
    case Op::long_binput:
      memoize(take_little<std::uint32_t>());
      return true;
    case Op::memoize:
      memoize(memoized_);
      return true;
    case Op::binget:
      recall(take_little<std::uint8_t>());
      return true;
    case Op::long_binget:
      recall(take_little<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_container(Op op) {
  switch (op) {
    case Op::empty_tuple:
      push_kind(PickleKind::tuple);
      return true;
    case Op::empty_list:
      push_kind(PickleKind::list);
      return true;
    case Op::empty_dict:
      push_kind(PickleKind::dict);
      return true;
    case Op::tuple1:
      push_container(PickleKind::tuple, pop_count(1));
      return true;
    case Op::tuple2:
      push_container(PickleKind::tuple, pop_count(2));
      return true;
    case Op::tuple3:
      push_container(PickleKind::tuple, pop_count(3));
      return true;
    case Op::tuple:
      push_container(PickleKind::tuple, pop_to_mark());
      return true;
    case Op::list:
      push_container(PickleKind::list, pop_to_mark());
      return true;
    case Op::dict:
      push_container(PickleKind::dict, pop_to_mark());
      return true;
    case Op::append:
      extend(PickleKind::list, pop_count(1));
      return true;
    case Op::appends:
      extend(PickleKind::list, pop_to_mark());
      return true;
    case Op::setitem:
      extend(PickleKind::dict, pop_count(2));
      return true;
    case Op::setitems:
      extend(PickleKind::dict, pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step_object(Op op) {
  switch (op) {
    case Op::global: {
      const std::string_view module = take_line();
      push_global(module, take_line());
      return true;
    }
    case Op::stack_global: {
      const std::string_view name = value(pop_kind(PickleKind::string, "the name of a global")).text;
      push_global(value(pop_kind(PickleKind::string, "the module of a global")).text, name);
      return true;
    }
    case Op::binpersid:
      push_storage();
      return true;
    case Op::reduce:
      reduce();
      return true;
    case Op::build:
      build();
      return true;
    default:
      return false;
  }
}

Pickle PickleMachine::run() {
  LPMC_REQUIRE(bytes_.size() <= kMaxPickleBytes, corrupt,
               "{}: expected a pickle of at most {} bytes, found {}", where_, kMaxPickleBytes, bytes_.size());
  constexpr std::uint8_t kOldest = 2;
  constexpr std::uint8_t kNewest = 5;
  LPMC_REQUIRE(bytes_.size() >= 2 && bytes_[0] == std::byte{0x80}, corrupt,
               "{}: not a pickle of protocol {} to {}", where_, kOldest, kNewest);
  const auto protocol = std::to_integer<std::uint8_t>(bytes_[1]);
  LPMC_REQUIRE(protocol >= kOldest && protocol <= kNewest, unsupported,
               "{}: expected pickle protocol {} to {}, found {}", where_, kOldest, kNewest, protocol);
  position_ = 2;
  for (;;) {
    at_ = position_;
    const auto opcode = take_little<std::uint8_t>();
    const Op op{opcode};
    if (op == Op::stop) break;
    if (op == Op::frame) {
      // Only says how much may be read ahead; the opcodes in it are read as any.
      const auto size = take_little<std::uint64_t>();
      if (size > bytes_.size() - position_)
        damaged("a frame of {} bytes, {} left", size, bytes_.size() - position_);
    } else if (!step_scalar(op) && !step_stack(op) && !step_container(op) && !step_object(op)) {
      fail_opcode(opcode);
    }
  }
  pickle_.root = pop();
  if (!stack_.empty() || !marks_.empty()) damaged("{} values left on the stack at the end", stack_.size());
  if (position_ != bytes_.size()) damaged("{} bytes after the end", bytes_.size() - position_);
  return std::move(pickle_);
}

}  // namespace detail

Pickle read_pickle(std::span<const std::byte> bytes, std::string_view where) {
  return detail::PickleMachine(bytes, where).run();
}

}  // namespace lpmc

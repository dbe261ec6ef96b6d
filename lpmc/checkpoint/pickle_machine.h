#pragma once

// The stack machine behind read_pickle.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/byte_reader.h"
#include "lpmc/checkpoint/pickle_values.h"

namespace lpmc::detail {

/// Opcodes by pickletools' names.
enum class Op : std::uint8_t {
  mark = '(',
  stop = '.',
  pop = '0',
  pop_mark = '1',
  binfloat = 'G',
  binint = 'J',
  binint1 = 'K',
  binint2 = 'M',
  none = 'N',
  binpersid = 'Q',
  reduce = 'R',
  binunicode = 'X',
  append = 'a',
  build = 'b',
  global = 'c',
  dict = 'd',
  appends = 'e',
  binget = 'h',
  long_binget = 'j',
  list = 'l',
  binput = 'q',
  long_binput = 'r',
  setitem = 's',
  tuple = 't',
  setitems = 'u',
  empty_dict = '}',
  empty_list = ']',
  empty_tuple = ')',
  proto = 0x80,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  newtrue = 0x88,
  newfalse = 0x89,
  long1 = 0x8A,
  short_binunicode = 0x8C,
  binunicode8 = 0x8D,
  stack_global = 0x93,
  memoize = 0x94,
  frame = 0x95,
};

class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}
  Pickle run();

 private:
  template <class... Args>
  [[noreturn]] void damaged(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::corrupt, "{}: byte {}: {}", where_, at_,
         fmt::format(format, std::forward<Args>(args)...));
  }
  [[noreturn]] void fail_opcode(std::uint8_t opcode) const;

  // input
  std::span<const std::byte> take(std::uint64_t size);
  std::string_view take_line();
  template <class T>
  T take_little() {
    return load_little<T>(take(sizeof(T)), 0);
  }

  // values and stack
  PickleId add(PickleValue value);
  void push(PickleId id) { stack_.push_back(id); }
  void push_value(PickleValue value) { push(add(std::move(value))); }
  void push_kind(PickleKind kind);
  void push_integer(std::int64_t integer, PickleKind kind = PickleKind::integer);
  PickleValue& value(PickleId id) { return pickle_.values[id]; }
  PickleId pop();
  PickleId pop_kind(PickleKind kind, std::string_view role);
  std::vector<PickleId> pop_to_mark();
  std::vector<PickleId> pop_count(std::size_t count);
  /// Stack entries above the innermost mark, which opcodes may not reach below.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  void push_container(PickleKind kind, std::vector<PickleId> items);
  void extend(PickleKind kind, std::span<const PickleId> items);
  void deepen(PickleValue& container, std::span<const PickleId> items) const;
  void memoize(std::size_t index);
  void recall(std::size_t index);

  // opcodes
  bool step_scalar(Op op);
  bool step_stack(Op op);
  bool step_container(Op op);
  bool step_object(Op op);
  void push_float();
  void push_long(std::size_t size);
  void push_global(std::string_view module, std::string_view name);
  void push_storage();
  void reduce();
  void build();
  PickleId ordered_dict(const std::vector<PickleId>& arguments);
  PickleId rebuild_tensor(const std::vector<PickleId>& arguments);
  PickleId rebuild_parameter(const std::vector<PickleId>& arguments) const;
  std::int64_t integer_of(PickleId id, std::string_view role) const;
  PickleId tuple_of(PickleId id, std::string_view role) const;

  static constexpr PickleId kNoValue = UINT32_MAX;

  std::span<const std::byte> bytes_;
  std::string where_;
  std::size_t position_ = 0;
  std::size_t at_ = 0;  ///< of the current opcode
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;  ///< stack sizes
  std::vector<PickleId> memo_;
  std::size_t memoized_ = 0;
};

}  // namespace lpmc::detail

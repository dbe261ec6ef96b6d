#include "lpmc/base/bounded_queue.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

TEST(BoundedQueue, KeepsOrderAndNeverHoldsMoreThanItsCapacity) {
  BoundedQueue<int> queue(3);
  std::atomic<int> ahead{0}, most{0};
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) {
      if (!queue.push(i)) return;
      most = std::max(most.load(), ++ahead);
    }
    queue.close();
  });
  for (int i = 0; i < 1000; ++i) {
    const auto item = queue.pop();
    --ahead;
    ASSERT_EQ(item, i);
  }
  EXPECT_EQ(queue.pop(), std::nullopt);
  writer.join();
  // An item popped but not yet counted down may come on top.
  EXPECT_LE(most.load(), 4);
}

TEST(BoundedQueue, ClosingFreesAWaitingWriter) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::thread writer([&] { EXPECT_FALSE(queue.push(2)); });
  queue.close();
  writer.join();
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

}  // namespace
}  // namespace lpmc

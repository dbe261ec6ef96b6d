#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/tag_to_caption/job_store.h"
#include "lpmc/tag_to_caption/job_store_impl.h"

namespace lpmc {
namespace {

/// A collector that hangs for this long has lost the batch.
constexpr double kCollectLeaseS = 3600;
/// Jobs looked at in one go while a batch is filled.
constexpr std::size_t kFillChunk = 1000;

}  // namespace

std::optional<StoredBatch> JobStore::take_batch(const std::string& token,
                                                const std::function<bool(const Job&)>& accept) {
  Impl& impl = *impl_;
  StoredBatch batch;
  batch.token = token;
  batch.state = "new";
  impl.write([&](Impl::HeldJobs&) {
    impl.recover_jobs();
    impl.read_prompt_ids();
    impl.database.prepare("INSERT INTO batches(token, state, jobs) VALUES(?, 'new', 0)").bind(1, token).run();
    batch.no = impl.database.last_insert_rowid();
    bool full = false;
    while (!full) {
      const std::vector<std::int64_t> ids = impl.waiting_ids(kFillChunk);
      if (ids.empty()) break;
      for (const std::int64_t id : ids) {
        full = !accept(impl.read_job(id));
        if (full) break;
        impl.take_job.bind(1, id).bind(2, -batch.no).run();
        ++batch.jobs;
      }
    }
    Statement count = batch.jobs > 0 ? impl.database.prepare("UPDATE batches SET jobs = ?2 WHERE no = ?1")
                                     : impl.database.prepare("DELETE FROM batches WHERE no = ?1 AND ?2 = 0");
    count.bind(1, batch.no).bind(2, batch.jobs).run();
  });
  if (batch.jobs == 0) return std::nullopt;
  return batch;
}

void JobStore::update_batch(const StoredBatch& batch) {
  impl_->end_adding();
  impl_->database.prepare("UPDATE batches SET state = ?2, file_id = ?3, remote_id = ?4 WHERE no = ?1")
      .bind(1, batch.no)
      .bind(2, batch.state)
      .bind_text_or_null(3, batch.file_id)
      .bind_text_or_null(4, batch.remote_id)
      .run();
}

std::vector<StoredBatch> JobStore::batches() const {
  std::vector<StoredBatch> batches;
  Statement rows =
      impl_->database.prepare("SELECT no, token, state, jobs, file_id, remote_id FROM batches ORDER BY no");
  while (rows.step()) {
    StoredBatch batch;
    batch.no = rows.integer(0);
    batch.token = rows.text(1);
    batch.state = rows.text(2);
    batch.jobs = rows.integer(3);
    batch.file_id = rows.text(4);
    batch.remote_id = rows.text(5);
    batches.push_back(std::move(batch));
  }
  return batches;
}

bool JobStore::claim_batch(std::int64_t batch) {
  bool claimed = false;
  impl_->write([&](Impl::HeldJobs&) {
    impl_->recover_jobs();
    impl_->write_owner(kCollectLeaseS);
    Statement claim = impl_->database.prepare(
        "UPDATE batches SET collector = ?2 WHERE no = ?1 AND (collector IS NULL OR collector = ?2"
        " OR collector NOT IN (SELECT no FROM owners))");
    claim.bind(1, batch).bind(2, impl_->owner).run();
    claimed = impl_->database.changes() == 1;
  });
  return claimed;
}

void JobStore::release_batch(std::int64_t batch) {
  impl_->write([&](Impl::HeldJobs&) {
    Statement release =
        impl_->database.prepare("UPDATE batches SET collector = NULL WHERE no = ? AND collector = ?");
    release.bind(1, batch).bind(2, impl_->owner).run();
  });
}

std::vector<Job> JobStore::batch_jobs(std::int64_t batch, std::span<const std::int64_t> ids) const {
  std::vector<Job> jobs;
  impl_->read_prompt_ids();
  Statement holds = impl_->database.prepare("SELECT 1 FROM jobs WHERE id = ? AND owner = ?");
  for (const std::int64_t id : ids) {
    const bool held = holds.bind(1, id).bind(2, -batch).step();
    holds.reset();
    if (held) jobs.push_back(impl_->read_job(id));
  }
  return jobs;
}

std::vector<std::int64_t> JobStore::batch_job_ids(std::int64_t batch) const {
  std::vector<std::int64_t> ids;
  Statement rows = impl_->database.prepare("SELECT id FROM jobs WHERE owner = ? ORDER BY id");
  rows.bind(1, -batch);
  while (rows.step())
    ids.push_back(rows.integer(0));
  return ids;
}

std::int64_t JobStore::close_batch(std::int64_t batch, std::string_view state) {
  std::int64_t freed = 0;
  impl_->write([&](Impl::HeldJobs&) {
    impl_->database.prepare("UPDATE jobs SET state = 0, owner = NULL WHERE owner = ?").bind(1, -batch).run();
    freed = impl_->database.changes();
    Statement close =
        impl_->database.prepare("UPDATE batches SET state = ?2, collector = NULL WHERE no = ?1");
    close.bind(1, batch).bind(2, state).run();
  });
  return freed;
}

}  // namespace lpmc

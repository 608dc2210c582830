// The C functions of api.h: they check the numbers that C callers pass, and forward to the C++ functions.
#include "api.h"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "crash.h"
#include "frames.h"
#include "front.h"
#include "loader.h"
#include "log.h"
#include "parent_death.h"
#include "parts.h"
#include "ring.h"
#include "sanitizers.h"
#include "signals.h"
#include "thread_pool.h"
#include "worker.h"

struct eas_cpp {
  std::unique_ptr<eas::Processor> processor;
  std::unique_ptr<eas::ThreadPool> pool;
  uint32_t max_in_flight = 1;
};

namespace {

// Copies `text` as one line, cut to the caller's room.
void CopyText(const std::string& text, char* room, size_t room_size) {
  if (room == nullptr || room_size == 0) return;
  const size_t size = text.size() < room_size ? text.size() : room_size - 1;
  for (size_t i = 0; i < size; ++i) room[i] = text[i] == '\n' ? ' ' : text[i];
  room[size] = '\0';
}

}  // namespace

int eas_ring_create(const eas_ring_size* ring_size, char* error, size_t error_size) {
  std::string text;
  const int fd = eas::CreateRing(*ring_size, &text);
  if (fd < 0) CopyText(text, error, error_size);
  return fd;
}

eas_ring* eas_ring_map(int memfd, int completion_fd, char* error, size_t error_size) {
  std::string text;
  eas_ring* ring = eas::MapRing(memfd, completion_fd, &text);
  if (ring == nullptr) CopyText(text, error, error_size);
  return ring;
}

void eas_ring_unmap(eas_ring* ring) { delete ring; }

uint64_t eas_ring_bytes(eas_ring* ring) { return ring->layout.bytes; }

void eas_ring_get_size(eas_ring* ring, eas_ring_size* ring_size) { *ring_size = ring->layout.ring_size; }

char* eas_slot_input(eas_ring* ring, uint32_t slot) {
  return slot < ring->layout.ring_size.slots ? ring->Input(slot) : nullptr;
}

char* eas_slot_output(eas_ring* ring, uint32_t slot) {
  return slot < ring->layout.ring_size.slots ? ring->Output(slot) : nullptr;
}

int eas_front_submit(eas_ring* ring, const char* body, size_t size) {
  return ring->front->Submit(body, size);
}

int eas_front_reserve(eas_ring* ring) { return ring->front->Reserve(); }

int eas_front_write(eas_ring* ring, int slot, size_t offset, const char* data, size_t size) {
  return ring->front->Write(slot, offset, data, size) ? 0 : -1;
}

void eas_front_publish(eas_ring* ring, int slot, size_t size) { ring->front->Publish(slot, size); }

void eas_front_wake(eas_ring* ring, int threads) { ring->front->Wake(threads); }

void eas_front_wake_one_if_idle(eas_ring* ring) { ring->front->WakeOneIfIdle(); }

int eas_front_in_flight(eas_ring* ring) { return ring->front->InFlight(); }

void eas_front_set_capacity(eas_ring* ring, int requests) { ring->front->SetCapacity(requests); }

uint64_t eas_front_collected(eas_ring* ring) { return ring->front->Collected(); }

int eas_front_waiting(eas_ring* ring) { return ring->front->Waiting(); }

int eas_front_drain(eas_ring* ring, int64_t* out, int max) { return ring->front->Drain(out, max); }

int eas_front_collect(eas_ring* ring, int64_t* out, int max, char* copies, size_t room) {
  return ring->front->Collect(out, max, copies, room);
}

int eas_front_request_notification(eas_ring* ring) { return ring->front->RequestNotification() ? 1 : 0; }

void eas_front_busy_poll(eas_ring* ring, uint64_t nanoseconds) { ring->front->SetBusyPoll(nanoseconds); }

void eas_front_notify_immediately(eas_ring* ring, int immediately) {
  ring->front->NotifyImmediately(immediately != 0);
}

int eas_front_cancel(eas_ring* ring, int slot) { return ring->front->Cancel(slot) ? 1 : 0; }

void eas_front_release(eas_ring* ring, int slot) { ring->front->Release(slot); }

void eas_front_trim(eas_ring* ring) { ring->front->Trim(); }

void eas_front_resubmit(eas_ring* ring, int slot) { ring->front->Resubmit(slot); }

int eas_front_requeue_solo(eas_ring* ring, int slot, int worker) {
  return ring->front->RequeueSolo(slot, worker) ? 0 : -1;
}

int eas_front_phase(eas_ring* ring, int slot, uint32_t* worker, uint32_t* thread) {
  return ring->front->SlotPhase(slot, worker, thread);
}

void eas_front_reset_worker(eas_ring* ring, int worker, int solo) {
  ring->front->ResetWorker(worker, solo != 0);
}

void eas_front_rebuild_queue(eas_ring* ring) { ring->front->RebuildQueue(); }

void eas_front_leave_solo(eas_ring* ring, int worker) { ring->front->LeaveSolo(worker); }

int eas_front_crash(eas_ring* ring, int worker, eas_crash* out) {
  return ring->front->Crash(worker, out) ? 1 : 0;
}

int eas_describe_frame(const char* frame, char* text, size_t text_size) {
  const eas::Frame described = eas::DescribeText(frame);
  const bool known = !described.function.empty();
  CopyText(known ? described.Text() : frame, text, text_size);
  return known ? 1 : 0;
}

void eas_worker_enter(eas_ring*, uint32_t worker, uint32_t thread) { eas::EnterThread(worker, thread); }

void eas_worker_leave(eas_ring* ring, uint32_t worker) {
  if (worker < ring->layout.ring_size.workers) eas::LeaveThread(*ring, worker);
}

int eas_worker_take(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call) {
  const eas_ring_size& ring_size = ring->layout.ring_size;
  if (worker >= ring_size.workers || thread >= ring_size.threads) return EAS_STOPPED;
  return eas::Take(*ring, worker, thread, call);
}

int eas_worker_take_for(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call, int timeout_ms) {
  const eas_ring_size& ring_size = ring->layout.ring_size;
  if (worker >= ring_size.workers || thread >= ring_size.threads) return EAS_STOPPED;
  return eas::TakeFor(*ring, worker, thread, call, timeout_ms);
}

void eas_worker_complete(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                         int status, uint64_t size) {
  eas::Complete(*ring, worker, thread, *call, outcome, status, size);
}

int eas_worker_complete_and_take(eas_ring* ring, uint32_t worker, uint32_t thread, eas_call* call,
                                 int outcome, int status, uint64_t size) {
  eas::TakeAtOnce();
  eas::Complete(*ring, worker, thread, *call, outcome, status, size);
  return eas_worker_take(ring, worker, thread, call);
}

void eas_worker_reply(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call, int outcome,
                      int status, const char* data, size_t size) {
  eas::Reply(*ring, worker, thread, *call, outcome, status, data, size);
}

int eas_worker_answer_and_take(eas_thread* thread, const char* data, size_t size) {
  eas::TakeAtOnce();
  eas_worker_reply(thread->ring, thread->worker, thread->thread, &thread->call, EAS_RETURNED, thread->status,
                   data, size);
  return eas_worker_take(thread->ring, thread->worker, thread->thread, &thread->call);
}

void eas_worker_raised(eas_ring* ring, uint32_t worker, uint32_t thread, const eas_call* call,
                       const char* message, size_t message_size, const char* frames, size_t frames_size) {
  eas::ReplyRaised(*ring, worker, thread, *call, {message, message_size}, {frames, frames_size});
}

void eas_worker_stop(eas_ring* ring) { eas::Stop(*ring); }

void eas_crash_install(eas_ring* ring, uint32_t worker, int signals) {
  if (worker < ring->layout.ring_size.workers) eas::InstallCrashHandler(*ring, worker, signals);
}

void eas_crash_report(int fd) { eas::SetCrashReport(fd); }

void eas_sanitizers_attach(int fd) { eas::AttachSanitizers(fd); }

void eas_crash_exit(int status) { eas::RecordExit(status); }

void eas_die_with_parent(int parent) { eas::DieWithParent(parent); }

int eas_on_main_thread(void) { return gettid() == getpid(); }

void eas_signal_take(int number, int ignored) { eas::TakeSignal(number, ignored != 0); }

void eas_signal_forget(void) { eas::ForgetSignals(); }

void eas_signal_block(void) { eas::BlockSignals(); }

void eas_signal_unblock(void) { eas::UnblockSignals(); }

void eas_signal_restore(void) { eas::RestoreSignals(); }

void eas_signal_keep_restored(void) { eas::KeepSignalsRestored(); }

void eas_log_open(int fd) { eas::OpenLog(fd); }

void eas_log(char level, const char* text, size_t size) { eas::Log(level, {text, size}); }

void eas_stdout_line_buffered(void) { setvbuf(stdout, nullptr, _IOLBF, 0); }

eas_cpp* eas_cpp_open(const char* path, char* error, size_t error_size) {
  std::string text;
  auto processor = eas::OpenProcessor(path, &text);
  if (processor != nullptr) return new eas_cpp{std::move(processor), nullptr, 1};
  CopyText(text, error, error_size);
  return nullptr;
}

int eas_cpp_initialize(eas_cpp* cpp, const char* model_entry, const char* model_config, int* state,
                       char* error, size_t error_size) {
  std::string text;
  if (eas::Initialize(*cpp->processor, model_entry, model_config, state, &text)) return 0;
  CopyText(text, error, error_size);
  return 1;
}

void eas_cpp_announce(eas_cpp* cpp, eas_ring* ring, uint32_t worker, uint32_t max_in_flight) {
  if (worker >= ring->layout.ring_size.workers) return;
  cpp->max_in_flight = max_in_flight;
  eas::Announce(*cpp->processor, *ring, worker, max_in_flight);
}

void eas_cpp_start(eas_cpp* cpp, eas_ring* ring, uint32_t worker, uint32_t threads) {
  const eas_ring_size& ring_size = ring->layout.ring_size;
  if (worker >= ring_size.workers || threads > ring_size.threads || cpp->pool != nullptr) return;
  cpp->pool = std::make_unique<eas::ThreadPool>(*cpp->processor, *ring, worker, threads, cpp->max_in_flight);
}

void eas_cpp_join(eas_cpp* cpp) { delete cpp; }

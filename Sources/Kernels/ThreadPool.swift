// Threads that wait for loops to share. A caller always works too, and waits only for threads that
// have begun with its loop: loops may be nested, and where the system gives no thread, the caller
// does it all.

#if !hasFeature(Embedded)
  import Dispatch
  import Foundation
  import Tensors

  /// Threads that help callers with their work.
  final class ThreadPool: @unchecked Sendable {
    static let shared = ThreadPool()

    /// Work that threads may join.
    private final class Job {
      /// Nil when the job is done: a thread may hold the job a little longer.
      var work: (() -> Void)?
      /// How many more threads may join.
      var places: Int
      /// How many are at it, beside the caller.
      var helpers = 0
      /// Whether the caller is done, so that nobody may join.
      var isClosed = false
      /// Signalled when the last helper leaves a closed job.
      let left = DispatchSemaphore(value: 0)

      init(_ work: @escaping () -> Void, places: Int) { (self.work, self.places) = (work, places) }

      @inline(never)
      func run() { work?() }
    }

    private let makeThread: (@escaping @Sendable () -> Void) -> Bool
    /// Guards what follows and all jobs; signalled when a job has places.
    private let offered = NSCondition()
    private var jobs: [Job] = []
    private var threads = 0

    /// - Parameter makeThread: runs its argument on another thread, or returns false
    init(makeThread: @escaping (@escaping @Sendable () -> Void) -> Bool = startThread) {
      self.makeThread = makeThread
    }

    /// Calls `work` on the caller's thread and at the same time on up to `count` - 1 others, as many
    /// as are free. Returns when all calls have.
    func run(on count: Int, _ work: @Sendable () -> Void) {
      guard count > 1 else { return work() }
      withoutActuallyEscaping(work) { work in
        let job = Job(work, places: count - 1)
        offer(job)
        work()
        close(job)
      }
    }

    private func offer(_ job: Job) {
      let missing = offered.withLock {
        jobs.append(job)
        for _ in 0..<job.places { offered.signal() }
        let missing = max(0, job.places - threads)
        threads += missing
        return missing
      }
      for made in 0..<missing where !makeThread({ self.help() }) {
        offered.withLock { threads -= missing - made }
        return
      }
    }

    /// Ends a job; waits for those who help with it.
    private func close(_ job: Job) {
      let waits = offered.withLock {
        job.isClosed = true
        jobs.removeAll { $0 === job }
        return job.helpers > 0
      }
      if waits { job.left.wait() }
      job.work = nil
    }

    /// What a thread of the pool does: job after job.
    private func help() -> Never {
      offered.lock()
      while true {
        guard let job = jobs.first(where: { $0.places > 0 }) else {
          offered.wait()
          continue
        }
        job.places -= 1
        job.helpers += 1
        offered.unlock()
        job.run()
        offered.lock()
        job.helpers -= 1
        if job.isClosed, job.helpers == 0 { job.left.signal() }
      }
    }
  }
#endif

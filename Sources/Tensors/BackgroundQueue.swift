// Threads that may not be given. Where a system gives no more of them (`ulimit -u`, the limit of a
// container), Dispatch waits for ever. Here the caller does the work itself.

#if !hasFeature(Embedded)
  import Foundation

  /// Starts a thread that runs `body` once.
  ///
  /// - Returns: whether the system gave one; if not, `body` is not run
  package func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let argument = Unmanaged.passRetained(ThreadBody(body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let code = pthread_create(&thread, nil, { runThread($0) }, argument.toOpaque())
      if code == 0, let thread { pthread_detach(thread) }
    #else
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil, { $0.map { runThread($0) } ?? nil }, argument.toOpaque())
      if code == 0 { pthread_detach(thread) }
    #endif
    if code != 0 { argument.release() }
    return code == 0
  }

  private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private func runThread(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run()
    return nil
  }

  /// Work that is done one after another while the caller goes on; where there is no thread for it,
  /// at once by the caller.
  package final class BackgroundQueue: @unchecked Sendable {
    private let makeThread: @Sendable (@escaping @Sendable () -> Void) -> Bool
    /// Guards what follows.
    private let condition = NSCondition()
    private var waiting: [@Sendable () -> Void] = []
    private var isBusy = false

    /// A queue without work.
    ///
    /// - Parameter makeThread: runs its argument on another thread, or returns false
    package init(
      makeThread: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool = startThread
    ) {
      self.makeThread = makeThread
    }

    /// Puts work at the end of the queue.
    package func add(_ work: @escaping @Sendable () -> Void) {
      let begins = condition.withLock {
        waiting.append(work)
        defer { isBusy = true }
        return !isBusy
      }
      if begins, !makeThread({ self.drain() }) { drain() }
    }

    /// Waits until all work is done.
    package func finish() {
      condition.withLock { while isBusy { condition.wait() } }
    }

    private func drain() {
      while let next = next() { next() }
    }

    private func next() -> (@Sendable () -> Void)? {
      condition.withLock {
        guard waiting.isEmpty else { return waiting.removeFirst() }
        isBusy = false
        condition.broadcast()
        return nil
      }
    }
  }
#endif

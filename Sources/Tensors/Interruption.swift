// What is removed when a user or the system ends the process in the middle of its work: by Ctrl-C, by
// `kill`, by closing the terminal. A process that is killed outright (SIGKILL) removes nothing; what
// it leaves is removed by the next one that writes there.

#if !hasFeature(Embedded)
  import Foundation

  /// Unfinished files and folders of this process.
  package enum Interruption {
    /// Guards what follows, and is held while something unfinished is finished.
    private static let lock = NSLock()
    nonisolated(unsafe) private static var next = 0
    nonisolated(unsafe) private static var removals: [(number: Int, remove: () -> Void)] = []

    /// Notes how something unfinished is removed, until the number that is returned is forgotten.
    package static func add(_ remove: @escaping @Sendable () -> Void) -> Int {
      lock.withLock {
        next += 1
        removals.append((next, remove))
        return next
      }
    }

    /// Finishes something, or removes it, without being interrupted in the middle, and forgets it.
    package static func forget(_ number: Int, after work: () throws -> Void = {}) rethrows {
      try lock.withLock {
        defer { removals.removeAll { $0.number == number } }
        try work()
      }
    }

    /// Ends the process at SIGINT, SIGTERM and SIGHUP as the system does, but removes what is
    /// unfinished before, the latest first. A signal that is ignored, as under `nohup`, stays so.
    package static func removeUnfinishedAtSignals() {
      var signals = sigset_t()
      sigemptyset(&signals)
      for number in [SIGINT, SIGTERM, SIGHUP] {
        var action = sigaction()
        sigaction(number, nil, &action)
        if !isIgnored(action) { sigaddset(&signals, number) }
      }
      // Threads that are made later block them too, so they wait for this one.
      var before = sigset_t()
      pthread_sigmask(SIG_BLOCK, &signals, &before)
      let waited = signals
      let isWaiting = startThread {
        var number: Int32 = 0
        var waited = waited
        guard sigwait(&waited, &number) == 0 else { return }
        lock.withLock {
          for removal in removals.reversed() { removal.remove() }
          signal(number, SIG_DFL)
          pthread_sigmask(SIG_UNBLOCK, &waited, nil)
          raise(number)
        }
      }
      if !isWaiting { pthread_sigmask(SIG_SETMASK, &before, nil) }
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
      #if canImport(Darwin)
        let handler = action.__sigaction_u.__sa_handler
      #else
        let handler = action.__sigaction_handler.sa_handler
      #endif
      return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
  }
#endif

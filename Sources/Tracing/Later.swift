import Dispatch
import Synchronization

/// What a queue will have worked out once its turn has come.
final class Later<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let queue: DispatchQueue

  /// Puts work at the end of a serial queue.
  init(on queue: DispatchQueue, _ work: @escaping @Sendable () throws -> Value) {
    self.queue = queue
    queue.async {
      let result = Result { try work() }
      self.outcome.withLock { $0 = result }
    }
  }

  /// The value, waited for; throws what the work threw.
  func get() throws -> Value {
    if let result = outcome.withLock({ $0 }) { return try result.get() }
    queue.sync {}
    guard let result = outcome.withLock({ $0 }) else {
      preconditionFailure("the queue is serial: what was put into it before has been done")
    }
    return try result.get()
  }
}

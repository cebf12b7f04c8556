// The lock of the module Synchronization, which Embedded Swift does not have where there are no
// threads: a program of one thread only needs the value.

#if hasFeature(Embedded)
  final class Mutex<Value>: @unchecked Sendable {
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
  }
#endif

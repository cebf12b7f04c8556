// Where the form that operations take is kept: with the task where there are tasks. Embedded Swift
// has none; a program made by it runs in one thread, and a global serves.

#if hasFeature(Embedded)
  enum ScopedForm {
    nonisolated(unsafe) private(set) static var current = KernelForm.fast

    static func with<Result, Failure: Error>(
      _ form: KernelForm, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
      let before = current
      current = form
      defer { current = before }
      return try body()
    }
  }
#else
  enum ScopedForm {
    @TaskLocal static var current = KernelForm.fast

    static func with<Result, Failure: Error>(
      _ form: KernelForm, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
      // `withValue` rethrows any error: the outcome is carried out of it, so that its type is kept.
      let outcome = $current.withValue(form) { () -> Swift.Result<Result, Failure> in
        do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
      }
      return try outcome.get()
    }
  }
#endif

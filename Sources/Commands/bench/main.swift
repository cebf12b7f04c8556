import CommandSupport

BenchCommand.main()

import CommandSupport

AnchorsCommand.main()

import CommandSupport

HeadsCommand.main()

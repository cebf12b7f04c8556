import CommandSupport

RoICommand.main()

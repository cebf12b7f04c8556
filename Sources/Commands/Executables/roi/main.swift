import Commands

RoICommand.main()

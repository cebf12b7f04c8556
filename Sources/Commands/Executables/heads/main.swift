import Commands
import Stage5Heads

StageCommand<HeadsStage>.start()

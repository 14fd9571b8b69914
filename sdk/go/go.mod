module stellarindex/worker

go 1.19

variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "region" {
  description = "Region of metrics and alarms."
  type        = string
}

variable "ops_ports" {
  description = "Port of health and metrics, by daemon."
  type        = map(number)
}

variable "rules" {
  description = "Rule files of Prometheus, by name."
  type        = map(string)
}

variable "email" {
  description = "Who is told; the address has to confirm. Empty for nobody."
  type        = string
}

variable "cluster_name" {
  description = "The cluster, for the number of running tasks."
  type        = string
}

variable "min_tasks" {
  description = "The least number of tasks, by service that runs."
  type        = map(number)
}

variable "load_balancer" {
  description = "Name of the load balancer in metrics."
  type        = string
}

variable "target_groups" {
  description = "Names of the target groups in metrics, by route."
  type        = map(string)
}

variable "database" {
  description = "Name of the database instance."
  type        = string
}

variable "database_storage_gb" {
  description = "Disk of the database, in GiB."
  type        = number
}

variable "redis_members" {
  description = "The servers of Redis, by number."
  type        = map(string)
}

variable "log_days" {
  description = "For how many days the log lines are kept that CloudWatch reads metrics from."
  type        = number
}

variable "name" {
  description = "Name of the service, and of its container."
  type        = string
}

variable "prefix" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "cluster" {
  description = "The cluster."
  type = object({
    arn  = string
    name = string
  })
}

variable "task_definition_arn" {
  description = "The task that the service keeps running."
  type        = string
}

variable "subnet_ids" {
  description = "Where its tasks run; one subnet in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group of its tasks."
  type        = string
}

variable "min" {
  description = "The least number of tasks."
  type        = number
}

variable "max" {
  description = "The most tasks; the same as `min` for a fixed number."
  type        = number
}

variable "scale_by" {
  description = "What decides between `min` and `max`: `cpu`, or `backlog`, the age of the first job in line."
  type        = string

  validation {
    condition     = contains(["cpu", "backlog"], var.scale_by)
    error_message = "Write cpu or backlog."
  }
}

variable "replace_in_place" {
  description = "Whether a task is stopped before its successor starts, because both need the same directory."
  type        = bool
}

variable "target_group_arn" {
  description = "Where the load balancer finds the tasks; null for none."
  type        = string
}

variable "port" {
  description = "Port that the daemon serves; null for none."
  type        = number
}

variable "namespace_id" {
  description = "Where the service registers its name, for callers in the network; null for none."
  type        = string
}

variable "grace_seconds" {
  description = "How long the load balancer may find a new task unready."
  type        = number
}

variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet in each zone."
  type        = list(string)
}

variable "security_group_id" {
  description = "The security group of Redis."
  type        = string
}

variable "node_type" {
  description = "Size of the primary, and of its replica."
  type        = string
}

variable "password_version" {
  description = "Raise it to make a new password; then replace the tasks."
  type        = number
}

variable "recovery_days" {
  description = "For how long a removed secret can be brought back."
  type        = number
}

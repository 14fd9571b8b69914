variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "subnet_ids" {
  description = "One subnet in each zone, by zone."
  type        = map(string)
}

variable "security_group_id" {
  description = "The security group of the mount targets."
  type        = string
}

variable "directories" {
  description = "Directories, each with an access point of its own."
  type        = list(string)
}
